"""Finding input files: folders, patterns, sidecars, and arguments for which there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract import reasons
from extract.errors import SourceError
from extract.inputs import find_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = [
        "a/pubmed26n0001.xml",
        "a/odd[1].xml",
        "a/rows.jsonl",
        "a/x.parquet",
        "a/export.nbib",
        "a/readme.txt",
        "a/.hidden.xml",
        "b/pubmed26n0002.xml.gz",
        "b/pubmed26n0002.xml.gz.md5",
        "_out/y.parquet",
        ".git/z.xml",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def found(folder: Path, *arguments: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_inputs(arguments)]


def test_folder_stands_for_its_input_files_in_order(folder: Path) -> None:
    assert found(folder, str(folder)) == [
        "a/export.nbib",
        "a/odd[1].xml",
        "a/pubmed26n0001.xml",
        "a/rows.jsonl",
        "a/x.parquet",
        "b/pubmed26n0002.xml.gz",
    ]


def test_pattern_leaves_sidecars_out(folder: Path) -> None:
    assert found(folder, f"{folder}/b/pubmed*") == ["b/pubmed26n0002.xml.gz"]


def test_pattern_goes_down_folders(folder: Path) -> None:
    assert found(folder, f"{folder}/**/*.xml*") == [
        "a/odd[1].xml",
        "a/pubmed26n0001.xml",
        "b/pubmed26n0002.xml.gz",
    ]


def test_name_with_brackets_is_a_file_before_it_is_a_pattern(folder: Path) -> None:
    assert found(folder, f"{folder}/a/odd[1].xml") == ["a/odd[1].xml"]


def test_named_file_may_be_called_anything(folder: Path) -> None:
    assert found(folder, f"{folder}/a/readme.txt") == ["a/readme.txt"]


def test_file_named_twice_is_found_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert find_inputs(["a/rows.jsonl", "./a/../a/rows.jsonl", "a/*.jsonl"]) == [folder / "a/rows.jsonl"]


@pytest.mark.parametrize("argument", ["nothing.xml", "b/*.jsonl", "empty"])
def test_argument_without_files_is_named(
    folder: Path, argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    with pytest.raises(SourceError) as caught:
        find_inputs(["a", argument])
    assert caught.value.what == reasons.MISSING
    assert repr(argument) in str(caught.value)
