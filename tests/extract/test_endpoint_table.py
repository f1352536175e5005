"""The endpoint table follows from the entity table, row by row and offset by offset."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from extract.endpoint_table import endpoint_table
from extract.table import ENDPOINTS, ENTITIES

SENTENCE = "Median OS was 14.1 months (95% CI 11.2-17.8) with X."
OFFSET = 100


def entity(words: str, label: str, **other: Any) -> dict[str, Any]:
    start = OFFSET + SENTENCE.index(words)
    row = {
        "pmid": 7, "doc_id": "7", "pmid_version": 1, "position": 3, "section": "RESULTS", "field": "abstract",
        "start": start, "end": start + len(words), "text": words, "label": label, "score": 0.5,
        "sentence": SENTENCE, "sentence_start": OFFSET,
        "model": "int8", "model_sha256": "ab", "source": "a.xml", "run_id": "r1",
    }  # fmt: skip
    return row | other


def entities(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=ENTITIES)


def test_record_keeps_identity_and_offsets_into_the_field() -> None:
    table = endpoint_table(
        entities(entity("14.1 months", "OS"), entity("11.2", "OS_CIL", score=0.25), entity("17.8", "OS_CIH"))
    )
    assert table.schema == ENDPOINTS
    (row,) = table.to_pylist()
    assert (row["pmid"], row["section"], row["source"], row["run_id"]) == (7, "RESULTS", "a.xml", "r1")
    assert (row["endpoint"], row["value"], row["unit"], row["lower"], row["upper"]) == (
        "OS",
        14.1,
        "months",
        11.2,
        17.8,
    )
    for name, words in (("value", "14.1 months"), ("lower", "11.2"), ("upper", "17.8"), ("level", "95% CI")):
        assert SENTENCE[row[f"{name}_start"] - OFFSET : row[f"{name}_end"] - OFFSET] == words
    assert (row["level"], row["score"], row["flags"], row["landmark"]) == (95.0, 0.25, [], None)


def test_same_sentence_of_two_citations_stays_apart() -> None:
    table = endpoint_table(entities(entity("14.1 months", "OS"), entity("14.1 months", "OS", position=4)))
    assert table["position"].to_pylist() == [3, 4]


def test_other_labels_give_no_record() -> None:
    table = endpoint_table(entities(entity("OS", "Disease")))
    assert (table.num_rows, table.schema) == (0, ENDPOINTS)
