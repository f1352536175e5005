"""Annotations of text that may not be copied: places and labels in this repository, the text elsewhere."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from compress.gating.judged import digest_of
from extract.annotations import read_annotations

REPOSITORY = Path(__file__).resolve().parents[1]
PLACES = REPOSITORY / "examples" / "endpoints" / "annotated-text.jsonl"


def join(places: Path, text: Path) -> subprocess.CompletedProcess[str]:
    script = REPOSITORY / "examples" / "endpoints" / "join_text.py"
    return subprocess.run(
        [sys.executable, str(script), str(places), str(text)],
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        paragraphs = ["We did so. Median OS was 8·3 months in arm A.", "Nothing else."]
        stream.write(json.dumps({"doc": "P1", "paragraphs": paragraphs}) + "\n")
    return path


def write_place(folder: Path, sentence: str) -> Path:
    entities = [{"start": 14, "end": 24, "label": "OS"}]
    place = {"id": "T1", "doc": "P1", "sentence": digest_of(sentence), "entities": entities}
    path = folder / "places.jsonl"
    path.write_text(json.dumps(place) + "\n")
    return path


def test_places_are_joined_to_their_sentences(tmp_path: Path, text: Path) -> None:
    result = join(write_place(tmp_path, "Median OS was 8·3 months in arm A."), text)
    assert result.returncode == 0, result.stderr
    (tmp_path / "joined.jsonl").write_text(result.stdout, encoding="utf-8")
    (sentence,) = read_annotations(tmp_path / "joined.jsonl")
    assert [sentence.text[span.start : span.end] for span in sentence.entities] == ["8·3 months"]


def test_a_sentence_that_the_text_has_not_is_named(tmp_path: Path, text: Path) -> None:
    result = join(write_place(tmp_path, "Median OS was 8·4 months in arm A."), text)
    assert result.returncode == 1
    assert "sentence T1 of P1 is not in" in result.stderr
    assert result.stdout == ""


@pytest.mark.slow
def test_the_places_of_this_repository_are_in_the_text(tmp_path: Path, shared_data: Path) -> None:
    """Every annotated number begins and ends with its sentence's own, whole words."""
    result = join(PLACES, shared_data / "text" / "rct_fulltext.jsonl.gz")
    assert result.returncode == 0, result.stderr
    (tmp_path / "joined.jsonl").write_text(result.stdout, encoding="utf-8")
    sentences = read_annotations(tmp_path / "joined.jsonl")
    assert len(sentences) == len(PLACES.read_text().splitlines())
    held_out = {
        sentence.doc
        for name in ("dev", "test")
        for sentence in read_annotations(shared_data / "endpoints" / f"{name}.jsonl")
    }
    assert held_out.isdisjoint(sentence.doc for sentence in sentences)
