"""A run over inputs and a model behind URLs makes the table of a local one, and takes nothing in twice."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import ClusterConfig
from cluster.open import open_cluster
from extract import open_output
from extract.bundle import ModelBundle
from extract.errors import BundleError
from extract.fetch_bundle import fetch_bundle
from jobs.model import BundleSource, find_model
from tests.corpus import make_citation, write_medline
from tests.jobs.conftest import RunJob
from tests.objectstore import Bucket, Website


@pytest.fixture(scope="module")
def cluster_address(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Workers that know the store, with a folder for temporary files of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("hosts")))
        with open_cluster(ClusterConfig(n_workers=1, memory_limit=2 << 30)) as client:
            yield client.scheduler.address


@pytest.fixture(autouse=True)
def _own_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's folder for temporary files, which no worker has."""
    (tmp_path / "driver").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "driver"))


Row = tuple[object, ...]


def rows(out: Path) -> list[Row]:
    """What a reader sees, but for where it came from and in which run."""
    output = open_output(out)
    tables = (output.entities.to_table(), output.citations.to_table())
    kept = (table.drop_columns(["source", "run_id"]) for table in tables)
    return sorted((tuple(map(str, row.values())) for table in kept for row in table.to_pylist()), key=str)


def sources(out: Path) -> set[str]:
    return set(open_output(out).citations.to_table(columns=["source"])["source"].to_pylist())


def test_inputs_of_a_store_and_a_website_are_taken_in_once_and_bad_ones_left_out(
    run: RunJob, bucket: Bucket, website: Website, tmp_path: Path
) -> None:
    local = [
        write_medline(tmp_path / f"pubmed26n000{n}.xml.gz", [make_citation(10 * n + i) for i in range(8)])
        for n in (1, 2, 3)
    ]
    for path in local[:2]:
        bucket.put(f"base/{path.name}", path.read_bytes())
    (website.folder / local[2].name).write_bytes(local[2].read_bytes())
    (website.folder / "pubmed26n0004.xml.gz").write_bytes(local[2].read_bytes()[:-20])
    website.deaths[f"/{local[2].name}"] = 1
    inputs = (f"{bucket.url}/base/*.xml.gz", f"{website.url}/", f"{website.url}/none.xml.gz")
    out = tmp_path / "out"

    report = run(*inputs, out=out, slice_records=3)  # type: ignore[arg-type]
    told = {error.where: error.what for error in report.refused}
    assert told == {
        f"{website.url}/pubmed26n0004.xml.gz": "gzip_truncated",
        f"{website.url}/none.xml.gz": "missing",
    }
    assert report.status == "partial"
    assert sources(out) == {
        f"{bucket.url}/base/pubmed26n0001.xml.gz",
        f"{bucket.url}/base/pubmed26n0002.xml.gz",
        f"{website.url}/pubmed26n0003.xml.gz",
    }
    run(*local, out=tmp_path / "local", slice_records=3)
    assert rows(out) == rows(tmp_path / "local")
    # Nine shards and three checks of three files, and each was fetched once (one of them after a death).
    assert website.n_asked("GET", f"/{local[2].name}") == 2

    again = run(*inputs[:1], f"{website.url}/{local[2].name}", out=out)  # type: ignore[arg-type]
    assert (again.status, again.to_dict()["citations"]) == ("done", 0)
    assert website.n_asked("GET", f"/{local[2].name}") == 2
    # The same content under another name of the same file is known too.
    assert run(*local, out=out).to_dict()["citations"] == 0

    write_medline(local[0], [make_citation(11, seed=1)])
    bucket.put(f"base/{local[0].name}", local[0].read_bytes())
    assert run(*inputs[:1], out=out).to_dict()["citations"] == 1  # type: ignore[arg-type]


@pytest.fixture
def stored(bucket: Bucket, tiny_bundle: ModelBundle) -> str:
    """URL of the tiny bundle in a store."""
    return bucket.put_folder(tiny_bundle.path, "models/mine")


def test_model_of_a_store_is_fetched_once_and_verified(
    stored: str, bucket: Bucket, tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    entry = fetch_bundle(stored, tmp_path / "cache")
    assert entry.name == hashlib.sha256((tiny_bundle.path / "model.json").read_bytes()).hexdigest()
    assert {path.name for path in entry.iterdir()} == {path.name for path in tiny_bundle.path.iterdir()}
    stamp = (entry / "model.onnx").stat().st_mtime_ns
    assert fetch_bundle(f"{stored}/", tmp_path / "cache") == entry
    assert (entry / "model.onnx").stat().st_mtime_ns == stamp
    (entry / "model.onnx").write_bytes(b"rot")  # a damaged copy is no copy
    fetch_bundle(stored, tmp_path / "cache")
    assert (entry / "model.onnx").read_bytes() == (tiny_bundle.path / "model.onnx").read_bytes()

    data = bytearray((tiny_bundle.path / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    bucket.put("models/mine/model.onnx", bytes(data))
    with pytest.raises(BundleError, match="model_hash_mismatch") as caught:
        fetch_bundle(stored, tmp_path / "other")
    assert caught.value.where == f"{stored}/model.onnx"
    assert list((tmp_path / "other").iterdir()) == []
    with pytest.raises(BundleError, match="no model bundle"):
        fetch_bundle(f"{bucket.url}/models/other", tmp_path / "cache")


def test_worker_without_the_drivers_copy_fetches_the_model_itself(
    run: RunJob, stored: str, tiny_model: BundleSource, tmp_path: Path
) -> None:
    path = write_medline(tmp_path / "a.xml", [make_citation(n) for n in range(1, 5)])
    named = find_model(stored)
    assert (named.sha256, named.url) == (tiny_model.sha256, stored)
    elsewhere = dataclasses.replace(named, path=tmp_path / "only" / "on" / "the" / "driver")
    assert elsewhere.open().tagger
    report = run(path, model=elsewhere)
    assert report.status == "done"
    assert report.model_sha256 == tiny_model.sha256
