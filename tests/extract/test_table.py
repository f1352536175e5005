"""Tables have declared schemas, and damage to a file is noticed."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pyarrow as pa
import pytest

from extract.errors import OutputError
from extract.table import SCHEMAS, build_table, digest_rows, read_table, write_table


def deletions(n: int = 400, *, run_id: str = "r1") -> pa.Table:
    dice = random.Random(1)
    columns = {
        "pmid": [dice.randrange(1, 10**8) for _ in range(n)],
        "pmid_version": [1] * n,
        "position": list(range(n)),
        "source": "a.xml",
        "run_id": run_id,
    }
    return build_table("deletions", columns)


def write(path: Path, table: pa.Table) -> Path:
    with path.open("wb") as stream:
        write_table(table, stream)
    return path


@pytest.mark.parametrize("kind", ["entities", "citations"])
def test_tables_have_the_columns_of_the_contract(kind: str) -> None:
    names = set(SCHEMAS[kind].names)
    assert {"pmid", "doc_id", "pmid_version", "model", "model_sha256", "source", "run_id"} <= names
    own = {
        "entities": "section field start end text label score sentence sentence_start",
        "citations": "fate reason text_sha256 n_sentences n_gated_out n_tokens",
    }
    assert set(own[kind].split()) <= names
    assert SCHEMAS[kind].field("pmid").type == pa.int64()
    assert SCHEMAS[kind].field("pmid").nullable


def test_table_reads_back_as_written(tmp_path: Path) -> None:
    table = deletions()
    path = write(tmp_path / "t.parquet", table)
    assert read_table(path).equals(table)
    assert read_table(path, ["pmid"]).column_names == ["pmid"]


def test_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "year=2026"
    folder.mkdir()
    assert read_table(write(folder / "t.parquet", deletions())).schema == SCHEMAS["deletions"]


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bit_in_the_pages_is_never_read_as_data(tmp_path: Path, seed: int) -> None:
    table = deletions()
    path = write(tmp_path / "t.parquet", table)
    data = bytearray(path.read_bytes())
    dice = random.Random(seed)
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    found = None
    with contextlib.suppress(OutputError):
        found = read_table(path)
    assert found is None or found.equals(table)  # what is not noticed was in padding or statistics


def test_missing_and_cut_files_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", deletions())
    path.write_bytes(path.read_bytes()[:-3])
    for wrong in (path, tmp_path / "none.parquet"):
        with pytest.raises(OutputError, match="cannot be read"):
            read_table(wrong)


def test_digest_tells_rows_apart_but_not_runs() -> None:
    assert digest_rows(deletions()) == digest_rows(deletions(run_id="r2"))
    assert digest_rows(deletions()) != digest_rows(deletions(399))


def test_value_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        build_table(
            "deletions", {"pmid": ["x"], "pmid_version": [1], "position": [0], "source": "", "run_id": ""}
        )
