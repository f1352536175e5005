"""An output in an object store holds the rows that a local one does, and every command reads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

import extract
from cluster import ClusterConfig
from cluster.open import open_cluster
from extract.place import Place, parse_place
from jobs.cli import main
from jobs.config import JobConfig
from jobs.metrics import RunReport
from jobs.model import BundleSource
from jobs.run import run_job
from tests.corpus import Made, make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.objectstore import Bucket, new_bucket


@dataclass(frozen=True)
class Site:
    """Inputs, a cluster, and the same output in a store and in a folder."""

    bucket: Bucket
    inputs: list[Path]
    model: BundleSource
    address: str
    folder: Path
    here: Path

    @property
    def url(self) -> str:
        return f"{self.bucket.url}/some/out"

    def run(self, out: Place | None = None, inputs: list[Path] | None = None) -> RunReport:
        return run_job(
            JobConfig(
                inputs=tuple(map(str, inputs or self.inputs)),
                out=out or parse_place(self.url),
                model=self.model,
                cluster=ClusterConfig(scheduler=self.address),
                slice_records=10,
            )
        )

    def copy(self, name: str) -> Path:
        """The output in the store as a folder, for the auditor."""
        to = self.folder / name
        self.bucket.filesystem.get(f"{self.bucket.name}/some/out/", str(to), recursive=True)
        return to


@pytest.fixture(scope="module")
def site(
    s3_endpoint: str, tiny_model: BundleSource, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    special = [Made(901, "", ""), Made("12/../../x", "A bad PMID.")]
    first = write_medline(folder / "in" / "a.xml.gz", [*map(make_citation, range(1, 19)), *special])
    second = write_medline(folder / "in" / "b.xml", [make_citation(pmid) for pmid in range(10, 30)])
    # After the store: workers find it by the variables of this process.
    with open_cluster(ClusterConfig(n_workers=2, memory_limit=2 << 30)) as client:
        address = client.scheduler.address
        site = Site(new_bucket(s3_endpoint), [first, second], tiny_model, address, folder, folder / "out")
        assert site.run().status == site.run(site.here).status == "done"
        yield site


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def told(*arguments: str | Path) -> dict[str, object]:
    result = invoke(*arguments, "--json")
    assert result.exit_code in (0, 1), result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def without_run(table: pa.Table) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = table.drop_columns(["run_id", "_file"]).to_pylist()
    return rows


def test_rows_are_those_of_a_local_run(site: Site) -> None:
    here, there = extract.open_output(site.here), extract.open_output(site.url)
    for name in ("entities", "endpoints", "citations"):
        assert without_run(there[name].to_table()) == without_run(here[name].to_table())
    assert there.entities.count_rows() > 29
    assert there.count_fates() == here.count_fates()


def test_auditor_finds_nothing_wrong(site: Site) -> None:
    copy = site.copy("audited")
    assert audit(copy, site.inputs) == []
    assert rows_of(copy) == rows_of(site.here)


def test_second_run_does_nothing_and_needs_no_cluster(site: Site) -> None:
    report = site.run()
    assert (report.status, report.tally.n_citations, report.n_workers) == ("done", 0, 0)


def test_commands_say_the_same_of_both(site: Site, tmp_path: Path) -> None:
    here, there = told("status", site.here), told("status", site.url)
    assert there["shards_done"] == there["shards"] == 4
    assert {**there, "runs": 0} == {**here, "runs": 0}
    assert told("verify", site.url) == {"shards": 4, "problems": [], "repaired": False}
    assert told("diff", site.here, site.url)["changes"] == []
    assert told("gc", site.url)["files"] == []
    runs = told("report", site.url, "--html", tmp_path / "report.html")["runs"]
    assert isinstance(runs, list)
    assert (runs[0]["status"], runs[0]["citations"]) == ("done", 40)
    assert "40" in (tmp_path / "report.html").read_text("utf-8")
    for place, name in ((site.here, "a.csv"), (site.url, "b.csv")):
        told("export", place, "--format", "csv", "--to", tmp_path / name)
    first, second = ((tmp_path / name).read_text("utf-8").splitlines() for name in ("a.csv", "b.csv"))
    assert len(first) == len(second) > 29


def test_removed_and_cut_parts_are_found_and_done_again(site: Site) -> None:
    root = parse_place(site.url)
    removed, cut = sorted((root / "entities").iterdir(), key=str)[:2]
    removed.unlink()
    site.bucket.put(f"some/out/entities/{cut.name}", cut.read_bytes()[:-9])
    result = invoke("verify", site.url)
    assert result.exit_code == 1
    assert f"entities/{removed.name}: missing" in result.stdout
    assert f"entities/{cut.name}: size differs" in result.stdout
    result = invoke("status", site.url)
    assert result.exit_code == 0
    with pytest.raises(extract.ExtractError, match=r"data file (is missing|has another size).*--repair"):
        extract.open_output(site.url)
    report = site.run()
    assert (report.status, report.tally.n_shards) == ("done", 2)
    assert told("verify", site.url)["problems"] == []
    assert rows_of(site.copy("mended")) == rows_of(site.here)


@pytest.mark.parametrize(
    ("url", "said", "code"),
    [
        ("s3://no-such-bucket-here/out", "no such bucket", 73),
        ("s3://", "URL without a bucket", 73),
        ("weird://bucket/out", "unknown kind of URL", 73),
        ("memory://bucket/out", "cannot be committed", 73),
    ],
)
def test_place_that_cannot_be_used_is_refused_in_one_line(site: Site, url: str, said: str, code: int) -> None:
    result = invoke("run", site.inputs[0], "--out", url, "--model", site.model.path)
    assert result.exit_code == code, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def test_missing_package_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    result = invoke("run", site.inputs[0], "--out", "gs://bucket/out", "--model", site.model.path)
    assert result.exit_code == 73
    assert "pip install 'extraction-runner[gcs]'" in result.stderr


def test_missing_credentials_are_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    S3FileSystem.clear_instance_cache()
    result = invoke("run", site.inputs[0], "--out", f"{site.bucket.url}/x", "--model", site.model.path)
    S3FileSystem.clear_instance_cache()
    assert (result.exit_code, len(result.stderr.splitlines())) == (73, 1)
    assert "no usable credentials" in result.stderr


def test_reading_what_is_no_output_says_so(site: Site) -> None:
    result = invoke("status", f"{site.bucket.url}/nothing/here")
    assert result.exit_code == 2
    assert "not an output folder" in result.stderr


@pytest.mark.parametrize("words", [("export", "--format", "csv", "--to"), ("report", "--html")])
def test_file_for_people_stays_on_this_machine(site: Site, words: tuple[str, ...]) -> None:
    name, *rest = words
    result = invoke(name, site.url, *rest, f"{site.bucket.url}/file")
    assert result.exit_code == 2
    assert "write a file here, then copy it there" in result.stderr
