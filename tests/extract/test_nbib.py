"""MEDLINE text (.nbib): tags, folded lines, and where one record ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract import reasons
from extract.bytestream import Limits
from extract.errors import SourceError
from extract.records import Citation, Field, Rejected, Section
from extract.source import check_source
from tests.extract.files import read_all, read_file

RECORD = """PMID- 101
OWN - NLM
TI  - A title that is long enough
      to be folded.
AB  - BACKGROUND: It was new. RESULTS: ORR was
      41%.
CI  - Copyright 2026.
OAB - Autre texte.
MH  - *Neoplasms/drug therapy/*mortality
MH  - Humans
"""


def write(path: Path, text: str | bytes) -> Path:
    file = path / "export.nbib"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_record_is_read_whole(tmp_path: Path, end: str) -> None:
    source = check_source(write(tmp_path, RECORD.replace("\n", end)))
    title, abstract = (
        "A title that is long enough to be folded.",
        "BACKGROUND: It was new. RESULTS: ORR was 41%.",
    )
    assert source.format == "nbib"
    assert read_all(source) == [
        Citation(
            "101",
            101,
            1,
            0,
            (
                Field("title", title, (Section("title", 0, len(title)),)),
                Field("abstract", abstract, (Section("abstract", 0, len(abstract)),)),
            ),
            ("Neoplasms", "Humans"),
        )
    ]


def test_records_end_at_blank_lines_and_at_the_next_pmid(tmp_path: Path) -> None:
    text = "\n\nPMID- 1\nTI  - One\n\n\nPMID- 2\nTI  - Two\nPMID- 3\nTI  - Three"
    assert [record.doc_id for record in read_file(write(tmp_path, text))] == ["1", "2", "3"]  # type: ignore[union-attr]


def test_bad_records_are_rejected_and_cost_no_other(tmp_path: Path) -> None:
    text = b"PMID- 1\nTI  - One\n\nTI  - No number\n\nPMID- 1x\n\nPMID- 4\nTI  - \xff\xfe\n\nPMID- 5\n"
    records = read_file(write(tmp_path, text))
    found = [record.reason if isinstance(record, Rejected) else record.pmid for record in records]  # type: ignore[union-attr]
    assert found == [1, reasons.BAD_PMID, reasons.BAD_PMID, reasons.BAD_TEXT, 5]


def test_record_past_the_limit_refuses_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "PMID- 1\n" + "AB  - x\n" * 1000)
    with pytest.raises(SourceError) as caught:
        check_source(path, limits=Limits(record_bytes=2000))
    assert caught.value.what == reasons.TOO_LARGE


LINES = st.lists(
    st.sampled_from(
        ["PMID- 1", "PMID- 22", "TI  - a", "AB  - b", "      folded", "", "  ", "junk", "\ufeffPMID- 3"]
    )
)


@settings(deadline=None, max_examples=60)
@given(lines=LINES, slice_records=st.integers(1, 4))
def test_slices_give_the_records_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], slice_records: int
) -> None:
    path = write(tmp_path_factory.mktemp("nbib"), "PMID- 9\n" + "\n".join(lines))
    assert read_file(path, slice_records) == read_file(path)
