"""Inputs behind URLs: found, fetched once whatever the server does, and told by URL when they are bad."""

from __future__ import annotations

import gzip
import hashlib
import sys
import threading
from pathlib import Path

import pytest

from extract import reasons
from extract.errors import SourceError
from extract.fetch import at_hand
from extract.inputs import find_all, find_inputs
from extract.remote import Location, RemoteFile, state_of
from extract.source import check_source
from extract.urls import name_of_url, open_filesystem, shown_url
from tests.corpus import make_citation, write_medline
from tests.objectstore import Bucket, Website, served_gcs

NAME = "pubmed26n0001.xml.gz"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once."""
    monkeypatch.setattr("extract.patience.DELAYS", (0.0, 0.0, 0.0))


@pytest.fixture
def corpus(website: Website) -> Website:
    """A website with a folder of two files and other things."""
    for number in (1, 2):
        write_medline(website.folder / "base" / f"pubmed26n000{number}.xml.gz", [make_citation(number)])
    data = (website.folder / "base" / NAME).read_bytes()
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    (website.folder / "base" / f"{NAME}.md5").write_text(f"MD5({NAME})= {digest}\n")
    (website.folder / "base" / "readme.txt").write_text("x")
    (website.folder / "base" / "_old").mkdir()
    (website.folder / "base" / "_old" / NAME).write_bytes(data)
    return website


def found(*arguments: str) -> list[str]:
    return [str(location) for location in find_inputs(arguments)]


def the_file(url: str) -> Location:
    [location] = find_inputs([url])
    return location


def read(location: Location, folder: Path, sha256: str = "") -> bytes:
    with at_hand(location, sha256=sha256, folder=folder) as path:
        return path.read_bytes()


def test_file_folder_and_pattern_of_a_website_are_found(corpus: Website) -> None:
    both = [f"{corpus.url}/base/pubmed26n000{number}.xml.gz" for number in (1, 2)]
    assert found(f"{corpus.url}/base/{NAME}") == both[:1]
    assert found(f"{corpus.url}/base/") == both
    assert found(f"{corpus.url}/base/pubmed26n*.xml.gz*", f"{corpus.url}/base/{NAME}") == both
    state = state_of(the_file(both[0]))
    assert state[0] == (corpus.folder / "base" / NAME).stat().st_size
    assert state[1] != ""


def test_file_is_fetched_once_with_its_sidecar(corpus: Website, tmp_path: Path) -> None:
    file = the_file(f"{corpus.url}/base/{NAME}")
    with at_hand(file, folder=tmp_path / "cache") as path:
        assert path.name == NAME
        assert check_source(path).n_records == 1
        assert path.with_name(f"{NAME}.md5").exists()
    assert read(file, tmp_path / "cache") == (corpus.folder / "base" / NAME).read_bytes()
    assert corpus.n_asked("GET", f"/base/{NAME}") == 1


def test_processes_that_want_the_same_file_at_once_fetch_it_once(corpus: Website, tmp_path: Path) -> None:
    """Threads stand for processes: the locks are those of open files."""
    file = the_file(f"{corpus.url}/base/{NAME}")
    threads = [threading.Thread(target=read, args=(file, tmp_path / "cache")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert corpus.n_asked("GET", f"/base/{NAME}") == 1


def test_server_that_dies_in_the_middle_is_asked_again(corpus: Website, tmp_path: Path) -> None:
    path = f"/base/{NAME}"
    file = the_file(corpus.url + path)
    corpus.deaths[path] = 2
    assert read(file, tmp_path / "cache") == (corpus.folder / "base" / NAME).read_bytes()
    assert corpus.n_asked("GET", path) == 3


def test_download_that_is_never_whole_is_refused_in_one_line(corpus: Website, tmp_path: Path) -> None:
    path = f"/base/{NAME}"
    file = the_file(corpus.url + path)
    corpus.deaths[path] = 99
    with pytest.raises(SourceError) as caught:
        read(file, tmp_path / "cache")
    assert caught.value.what == reasons.UNREADABLE
    assert caught.value.where == corpus.url + path
    assert "run the same command again" in caught.value.advice
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").glob("*/.sha256")) == []


def test_fewer_bytes_than_promised_are_noticed_by_size(corpus: Website, tmp_path: Path) -> None:
    """A server that ends the answer as if it were whole."""
    url = f"{corpus.url}/base/{NAME}"
    n_bytes, mark = state_of(the_file(url))
    with pytest.raises(SourceError, match=f"got {n_bytes} bytes|download is not whole") as caught:
        read(RemoteFile(url, n_bytes + 7, mark), tmp_path / "cache")
    assert f"{n_bytes + 7} bytes" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "what", "says"),
    [(404, reasons.MISSING, "no such file"), (403, reasons.UNREADABLE, "permission denied")],
)
def test_refused_file_does_not_keep_others_from_being_found(
    corpus: Website, status: int, what: str, says: str
) -> None:
    corpus.statuses[f"/base/{NAME}"] = status
    every = find_all([f"{corpus.url}/base/"])
    assert [location.name for location in every.locations] == ["pubmed26n0002.xml.gz"]
    [error] = every.refused
    assert (error.what, error.where) == (what, f"{corpus.url}/base/{NAME}")
    assert says in str(error)


def test_server_that_is_busy_for_a_moment_is_asked_again(
    corpus: Website, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/base/{NAME}"
    file = the_file(corpus.url + path)
    corpus.statuses[path] = 503
    monkeypatch.setattr("extract.patience.time.sleep", lambda _: corpus.statuses.clear())
    assert read(file, tmp_path / "cache")
    corpus.statuses[path] = 503
    monkeypatch.setattr("extract.patience.time.sleep", lambda _: None)
    with pytest.raises(SourceError, match="the store cannot be used"):
        read(file, tmp_path / "other")


def test_nobody_at_the_address_is_told() -> None:
    [error] = find_all(["http://127.0.0.1:1/x.xml.gz"]).refused
    assert error.what == reasons.UNREADABLE
    assert "127.0.0.1:1" in str(error)
    assert "check the address and the network" in error.advice


def test_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    [error] = find_all(["gs://bucket/x.xml.gz"]).refused
    assert error.advice == "pip install 'extraction-runner[gcs]'"
    [unknown] = find_all(["nonesuch://bucket/x.xml.gz"]).refused
    assert "unknown kind of URL" in str(unknown)


def test_content_that_changed_since_its_check_is_refused(corpus: Website, tmp_path: Path) -> None:
    file = the_file(f"{corpus.url}/base/{NAME}")
    before = hashlib.sha256(read(file, tmp_path / "cache")).hexdigest()
    assert read(file, tmp_path / "cache", before)
    write_medline(corpus.folder / "base" / NAME, [make_citation(1, seed=1)])
    assert read(file, tmp_path / "cache", before)  # the copy is still the content that was checked
    with pytest.raises(SourceError, match=f"{reasons.RECORD_COUNT}|{reasons.UNREADABLE}"):
        read(file, tmp_path / "another host", before)


def test_content_that_its_server_does_not_mark_is_never_taken_for_known(
    corpus: Website, tmp_path: Path
) -> None:
    path = f"/base/{NAME}"
    corpus.lies[path] = {"Last-Modified": ""}
    file = the_file(corpus.url + path)
    assert state_of(file)[1] == ""
    once = read(file, tmp_path / "cache")
    assert read(file, tmp_path / "cache") == once
    assert corpus.n_asked("GET", path) == 2
    assert read(file, tmp_path / "cache", hashlib.sha256(once).hexdigest()) == once
    assert corpus.n_asked("GET", path) == 2


def test_damage_is_told_of_the_url_and_fetched_anew_when_mended(corpus: Website, tmp_path: Path) -> None:
    path = corpus.folder / "base" / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    file = the_file(f"{corpus.url}/base/{NAME}")
    with (
        pytest.raises(SourceError, match=reasons.MD5_MISMATCH) as caught,
        at_hand(file, folder=tmp_path / "cache") as copy,
    ):
        check_source(copy)
    assert caught.value.where == f"{corpus.url}/base/{NAME}"
    path.write_bytes(whole)
    with at_hand(the_file(f"{corpus.url}/base/{NAME}"), folder=tmp_path / "cache") as copy:
        assert check_source(copy).n_records == 1


def test_copies_used_longest_ago_make_room_but_none_in_use(
    website: Website, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extract.fetch.CACHE_BYTES", 250)
    files = []
    for name in "abcd":
        (website.folder / f"{name}.jsonl").write_bytes(name.encode() * 100)
        files.append(the_file(f"{website.url}/{name}.jsonl"))
    cache = tmp_path / "cache"
    with at_hand(files[0], folder=cache) as first:
        for file in files[1:]:
            read(file, cache)
        assert first.read_bytes() == b"a" * 100
    names = {path.name for path in cache.glob("*/*.jsonl")}
    assert names == {"a.jsonl", "d.jsonl"}


def test_compressed_answer_is_not_unpacked_on_the_way(website: Website, tmp_path: Path) -> None:
    """Servers label a ``.gz`` as encoded; what is stored is what has the size and the digest."""
    data = gzip.compress(b"{}\n" * 100, mtime=0)
    (website.folder / "x.jsonl.gz").write_bytes(data)
    website.lies["/x.jsonl.gz"] = {"Content-type": "text/plain\r\nContent-Encoding: gzip"}
    assert read(the_file(f"{website.url}/x.jsonl.gz"), tmp_path / "cache") == data


def test_copy_that_a_killed_process_left_half_is_fetched_anew(corpus: Website, tmp_path: Path) -> None:
    file = the_file(f"{corpus.url}/base/{NAME}")
    with at_hand(file, folder=tmp_path / "cache") as path:
        pass
    (path.parent / ".sha256").unlink()
    path.write_bytes(b"half")
    assert read(file, tmp_path / "cache") == (corpus.folder / "base" / NAME).read_bytes()


def test_folder_of_copies_that_others_may_change_is_refused(corpus: Website, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(SourceError, match="others may change this folder"):
        read(the_file(f"{corpus.url}/base/{NAME}"), tmp_path / "open")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host/a.xml?page=2", "https://host/a.xml?page=2"),
        ("https://host/a.xml?X-Amz-Signature=secret&x=1", "https://host/a.xml"),
        ("https://host/a.xml?sig=secret#top", "https://host/a.xml"),
        ("s3://bucket/a?b.xml", "s3://bucket/a?b.xml"),
    ],
)
def test_secrets_of_a_url_are_never_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert "secret" not in str(RemoteFile(url))


def test_secrets_are_not_told_when_a_server_refuses(corpus: Website) -> None:
    corpus.statuses[f"/base/{NAME}?token=secret"] = 403
    address = corpus.url.replace("http://", "http://me:secret@")
    [error] = find_all([f"{address}/base/{NAME}?token=secret"]).refused
    assert "permission denied" in str(error)
    assert "secret" not in str(error)


def test_name_of_a_url_is_that_of_its_file() -> None:
    assert name_of_url("https://host/base/pubmed26n0001.xml.gz?download=1") == NAME
    assert name_of_url("https://host/odd%5B1%5D.xml") == "odd[1].xml"
    assert name_of_url("s3://bucket/a/b%20c.xml") == "b%20c.xml"


def test_file_folder_and_pattern_of_a_store_are_found(bucket: Bucket, tmp_path: Path) -> None:
    whole = write_medline(tmp_path / NAME, [make_citation(1)]).read_bytes()
    for key in (f"base/{NAME}", f"base/{NAME}.md5", "base/b/rows.jsonl", "base/_old/x.xml", "base/x.txt"):
        bucket.put(key, whole)
    one, deep = f"{bucket.url}/base/{NAME}", f"{bucket.url}/base/b/rows.jsonl"
    assert found(one) == [one]
    assert found(f"{bucket.url}/base") == found(f"{bucket.url}/base/") == [deep, one]
    assert found(f"{bucket.url}/base/pubmed26n*") == [one]
    assert found(f"{bucket.url}/**/*.jsonl") == [deep]
    [listed], [typed] = find_inputs([f"{bucket.url}/base/*.gz"]), find_inputs([one])
    assert listed == typed  # the same mark, or a rerun would read it again
    assert typed == RemoteFile(one, len(whole), hashlib.md5(whole, usedforsecurity=False).hexdigest())
    assert read(typed, tmp_path / "cache") == whole


def test_what_a_store_refuses_is_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    [missing] = find_all([f"{bucket.url}/none.xml"]).refused
    assert missing.what == reasons.MISSING
    [nothing] = find_all([f"{bucket.url}/none*.xml"]).refused
    assert (nothing.what, nothing.where) == (reasons.MISSING, f"{bucket.url}/none*.xml")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        [stranger] = find_all([f"{bucket.url}/x.xml"]).refused
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
    assert "no usable credentials" in str(stranger)
    assert "aws configure" in stranger.advice


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the server's wrapper leaves a pipe of it open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_file_folder_and_pattern_of_googles_store_are_found(tmp_path: Path) -> None:
    whole = write_medline(tmp_path / NAME, [make_citation(1)]).read_bytes()
    with served_gcs() as url:
        filesystem, root = open_filesystem(url)
        for key in (NAME, f"{NAME}.md5", "b/rows.jsonl", "_old/x.xml"):
            filesystem.pipe_file(f"{root}/base/{key}", whole)
        one, deep = f"{url}/base/{NAME}", f"{url}/base/b/rows.jsonl"
        assert found(one) == [one]
        assert found(f"{url}/base") == found(f"{url}/base/") == [deep, one]
        [listed], [typed] = find_inputs([f"{url}/base/*.gz"]), find_inputs([one])
        assert listed == typed
        assert state_of(typed)[0] == len(whole)
        assert state_of(typed)[1] != ""
        assert read(typed, tmp_path / "cache") == whole
        [missing] = find_all([f"{url}/none.xml"]).refused
        assert missing.what == reasons.MISSING
