"""Any text, written as each format wants it, comes back: exactly, or by the rule that the format states."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.records import Citation
from tests.extract.files import DOCTYPE, read_file

TEXTS = st.text(max_size=60) | st.text(
    st.sampled_from("ab1. \n\t\u00a0\u2028\u0085&<>]\"'é😀\u0301\ufeff"), max_size=60
)
"""What UTF-8 can hold: no half surrogates."""
NOT_XML = {*range(0x20), 0xFFFE, 0xFFFF} - {0x9, 0xA, 0xD}


@dataclass(frozen=True)
class Written:
    """A record as it was meant."""

    pmid: int
    title: str
    sections: tuple[tuple[str, str], ...]
    version: int = 1


RECORDS = st.lists(
    st.builds(
        Written,
        st.integers(1, 999_999_999),
        TEXTS,
        st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
        st.integers(1, 32767),
    ),
    min_size=1,
    max_size=6,
)
SLICES = st.integers(1, 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round-trips")


def squeezed(text: str) -> str:
    return " ".join(text.split())


def texts_of(path: Path, slice_records: int) -> list[dict[str, object]]:
    """What a file gives, having checked that every record and section is where it says."""
    found = []
    for position, record in enumerate(read_file(path, slice_records)):
        assert isinstance(record, Citation)
        assert record.position == position
        for field in record.fields:
            parts = [field.text[section.start : section.end] for section in field.sections]
            assert "\n".join(parts) == field.text or parts == [field.text]
        found.append({"id": record.doc_id} | {field.name: field.text for field in record.fields})
    return found


def as_given(record: Written) -> dict[str, object]:
    texts = {"title": record.title, "abstract": "".join(text for _, text in record.sections)}
    return {"id": str(record.pmid)} | {name: text for name, text in texts.items() if text.strip()}


@given(
    records=RECORDS,
    slice_records=SLICES,
    ascii_only=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\n \n"]),
)
def test_json_lines_give_the_very_strings(
    folder: Path, records: list[Written], slice_records: int, ascii_only: bool, end: str
) -> None:
    rows = [{"pmid": record.pmid, **as_given(record), "other": [1]} for record in records]
    path = folder / "rows.jsonl"
    path.write_bytes(end.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows).encode())
    assert texts_of(path, slice_records) == [as_given(record) for record in records]


@given(records=RECORDS, slice_records=SLICES, group_rows=st.integers(1, 4), as_integers=st.booleans())
def test_parquet_gives_the_very_strings(
    folder: Path, records: list[Written], slice_records: int, group_rows: int, as_integers: bool
) -> None:
    rows = [as_given(record) for record in records]
    pmids = pa.array([record.pmid for record in records])
    columns = {
        "pmid": pmids if as_integers else pmids.cast(pa.string()),
        "title": pa.array([row.get("title") for row in rows], pa.string()),
        "text": pa.array([row.get("abstract") for row in rows], pa.large_string()),
    }
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=group_rows)
    assert texts_of(path, slice_records) == rows


def folded(tag: str, text: str) -> str:
    """A tagged line, folded at some of its spaces."""
    words = squeezed(text).split(" ")
    lines = [" ".join(words[start : start + 2]) for start in range(0, len(words), 2)]
    return f"{tag:<4}- " + "\n      ".join(lines) + "\n"


@given(records=RECORDS, slice_records=SLICES)
def test_nbib_gives_the_words(folder: Path, records: list[Written], slice_records: int) -> None:
    blocks, expected = [], []
    for record in records:
        given_texts = as_given(record)
        lines = [f"PMID- {record.pmid}\n"]
        for tag, name in (("TI", "title"), ("AB", "abstract")):
            if name in given_texts:
                lines.append(folded(tag, str(given_texts[name])))
        blocks.append("".join(lines))
        expected.append(
            {"id": str(record.pmid)}
            | {name: squeezed(str(text)) for name, text in given_texts.items() if name != "id"}
        )
    path = folder / "records.nbib"
    path.write_bytes("\n".join(blocks).encode())
    assert texts_of(path, slice_records) == expected


def for_xml(text: str) -> str:
    kept = "".join(letter for letter in text if ord(letter) not in NOT_XML)
    return escape(kept, {"\r": "&#13;"})


@given(records=RECORDS, slice_records=SLICES)
def test_medline_gives_the_words_with_labels_and_versions(
    folder: Path, records: list[Written], slice_records: int
) -> None:
    units = []
    for record in records:
        sections = "".join(
            f"<AbstractText Label={quoteattr(for_attribute(label))}>{for_xml(text)}</AbstractText>"
            for label, text in record.sections
        )
        units.append(
            f'<PubmedArticle><MedlineCitation><PMID Version="{record.version}">{record.pmid}</PMID><Article>'
            f"<ArticleTitle>{for_xml(record.title)}</ArticleTitle><Abstract>{sections}</Abstract>"
            "</Article></MedlineCitation></PubmedArticle>"
        )
    path = folder / "records.xml"
    path.write_text(
        f"{DOCTYPE}<PubmedArticleSet>{''.join(units)}</PubmedArticleSet>", encoding="utf-8", newline=""
    )
    found = read_file(path, slice_records)
    assert texts_of(path, slice_records) == [by_the_rule(record) for record in records]
    for citation, record in zip(found, records, strict=True):
        assert isinstance(citation, Citation)
        assert citation.pmid_version == record.version
        labels = [
            section.label
            for field in citation.fields[-1:]
            for section in field.sections
            if field.name == "abstract"
        ]
        assert labels == [label_of(label) for label, text in record.sections if squeezed(clean(text))]


def clean(text: str) -> str:
    return "".join(letter for letter in text if ord(letter) not in NOT_XML)


def for_attribute(label: str) -> str:
    return clean(label)


def label_of(label: str) -> str:
    known = squeezed(clean(label))
    return "abstract" if known.upper() in ("", "UNLABELLED", "UNASSIGNED") else known


def by_the_rule(record: Written) -> dict[str, object]:
    title = squeezed(clean(record.title))
    parts = [squeezed(clean(text)) for _, text in record.sections]
    texts = {"title": title, "abstract": "\n".join(part for part in parts if part)}
    return {"id": str(record.pmid)} | {name: text for name, text in texts.items() if text}
