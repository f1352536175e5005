"""What is exported is read back by each format's own reader, and says what the tables say."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import bioc.biocjson
import bioc.pubtator
import jsonschema
import pyarrow.csv
import pytest
from click.testing import CliRunner

from cluster import ClusterConfig
from extract import open_output
from extract.annotations import read_annotations
from extract.errors import AnnotationError
from extract.output import Output
from jobs.cli import export as export_module
from jobs.cli import main
from jobs.config import JobConfig
from jobs.errors import InputMissing
from jobs.export import write as write_module
from jobs.export.csv_rows import to_cell
from jobs.export.documents import iter_rows
from jobs.export.texts import TextMissing
from jobs.export.write import FORMATS, write_export
from jobs.model import BundleSource
from jobs.run import run_job
from tests.corpus import Made, make_citation, write_medline

HOSTILE = "=SUM(A1) 🧬 <b>12</b>\u2028 |t| 34 \u0085 x."
CITATIONS = [
    Made(1, "OS was 14.1 months.", "No figures here. ORR was 57%, OS 12.5 months. Neither here. OS was 11."),
    Made(2, HOSTILE, f"First. {HOSTILE} Last."),
    Made(3, "Nothing to find.", "Nothing at all."),
    Made(4, "Title alone: OS was 3.5 months."),
    *map(make_citation, range(10, 16)),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two files; the second replaces a citation of the first."""
    folder = tmp_path_factory.mktemp("in")
    write_medline(folder / "pubmed26n0001.xml.gz", [*CITATIONS, Made(20, "OS was 1.5 months.")])
    write_medline(folder / "pubmed26n0002.xml", [Made(20, "OS was 2.5 months.")])
    return [str(folder)]


@pytest.fixture(scope="module")
def folder(
    tiny_model: BundleSource,
    cluster_address: str,
    inputs: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("export") / "out"
    cluster = ClusterConfig(scheduler=cluster_address)
    run_job(JobConfig(inputs=tuple(inputs), out=out, model=tiny_model, cluster=cluster, slice_records=4))
    return out


@pytest.fixture(scope="module")
def output(folder: Path) -> Output:
    return open_output(folder)


def export(output: Output, format_name: str, tmp_path: Path, **options: Any) -> Path:
    target = tmp_path / "exported"
    report = write_export(output, format_name, target, **options)
    assert report.n_bytes == target.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]
    return target


def expected(output: Output) -> list[tuple[str, str, str]]:
    return sorted((row["doc_id"], row["text"], row["label"]) for row in iter_rows(output, "entities"))


@pytest.mark.parametrize("whole", [False, True])
def test_pubtator_is_read_back(output: Output, inputs: list[str], tmp_path: Path, whole: bool) -> None:
    target = export(output, "pubtator", tmp_path, inputs=inputs if whole else ())
    with target.open(encoding="utf-8", newline="\n") as stream:
        documents = bioc.pubtator.load(stream)
    found = [(doc.pmid, ann.text, ann.type) for doc in documents for ann in doc.annotations]
    assert sorted(found) == expected(output)
    for doc in documents:
        text = f"{doc.title} {doc.abstract or ''}"
        assert all(text[int(ann.start) : int(ann.end)] == ann.text for ann in doc.annotations)
    first = next(doc for doc in documents if doc.pmid == "1")
    assert ("Neither here." in first.abstract) is whole


@pytest.mark.parametrize("whole", [False, True])
def test_bioc_is_read_back(output: Output, inputs: list[str], tmp_path: Path, whole: bool) -> None:
    target = export(output, "bioc-json", tmp_path, inputs=inputs if whole else ())
    collection = bioc.biocjson.loads(target.read_text("utf-8"))
    found = []
    for doc in collection.documents:
        for passage in doc.passages:
            for ann in passage.annotations:
                (place,) = ann.locations
                start = place.offset - passage.offset
                assert passage.text[start : start + place.length] == ann.text
                found.append((doc.id, ann.text, ann.infons["type"]))
    assert sorted(found) == expected(output)
    assert len(collection.date) == 8


def test_bioc_relations_point_to_the_joined_annotations(output: Output, tmp_path: Path) -> None:
    collection = bioc.biocjson.loads(export(output, "bioc-json", tmp_path).read_text("utf-8"))
    doc = next(doc for doc in collection.documents if doc.id == "1")
    texts = {ann.id: ann.text for passage in doc.passages for ann in passage.annotations}
    said = [(rel.infons["endpoint"], rel.infons["value"], texts[rel.nodes[0].refid]) for rel in doc.relations]
    assert sorted(said) == [
        ("ORR", "57.0", "57"),
        ("OS", "11.0", "11"),
        ("OS", "12.5", "12.5"),
        ("OS", "14.1", "14.1"),
    ]


def test_json_lines_hold_the_rows(output: Output, tmp_path: Path) -> None:
    lines = export(output, "jsonl", tmp_path).read_text("utf-8").split("\n")[:-1]
    documents = [json.loads(line) for line in lines]
    found = [(doc["doc_id"], row["text"], row["label"]) for doc in documents for row in doc["entities"]]
    assert sorted(found) == expected(output)
    assert sum(len(doc["endpoints"]) for doc in documents) == output.endpoints.count_rows() > 0


def test_replaced_citation_is_not_exported(output: Output, inputs: list[str], tmp_path: Path) -> None:
    for options in ({}, {"inputs": inputs}):
        text = export(output, "jsonl", tmp_path, **options).read_text("utf-8")
        assert "2.5 months" in text
        assert "1.5 months" not in text
        (tmp_path / "exported").unlink()


@pytest.mark.parametrize("table", ["entities", "endpoints", "citations"])
def test_csv_has_every_row(output: Output, tmp_path: Path, table: str) -> None:
    with export(output, "csv", tmp_path, table=table).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == output[table].count_rows() > 0
    assert [row["doc_id"] for row in rows] == [row["doc_id"] for row in iter_rows(output, table)]


def test_csv_cell_that_looks_like_a_formula_is_disarmed(output: Output, tmp_path: Path) -> None:
    with export(output, "csv", tmp_path).open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert any(cell.startswith("'=SUM(A1)") for cell in cells)
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in cells)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])  # noqa: RUF001
def test_every_formula_start_is_disarmed(start: str) -> None:
    assert to_cell(f"{start}cmd|' /C calc'!A0").startswith("'")


def test_numbers_and_plain_text_stay_as_they_are() -> None:
    assert [to_cell(value) for value in (-1.5, None, "plain", ["a", "b"], b"\x01")] == [
        -1.5,
        None,
        "plain",
        "a;b",
        "01",
    ]


def test_accepted_predictions_come_back_as_training_data(output: Output, tmp_path: Path) -> None:
    tasks = json.loads(export(output, "label-studio", tmp_path).read_text("utf-8"))
    for task in tasks:  # what Label Studio exports once an annotator has accepted everything
        task["annotations"] = [{"result": task.pop("predictions")[0]["result"]}]
    (tmp_path / "corrected.json").write_text(json.dumps(tasks), "utf-8")
    sentences = read_annotations(tmp_path / "corrected.json")
    found = [
        (sentence.doc, sentence.text[span.start : span.end], span.label)
        for sentence in sentences
        for span in sentence.entities
    ]
    assert sorted(found) == expected(output)
    assert any("🧬" in sentence.text for sentence in sentences)


def test_changed_input_is_refused_and_nothing_written(
    output: Output, inputs: list[str], tmp_path: Path
) -> None:
    changed = [Made(1, "OS was 99.9 months."), *CITATIONS[1:]]
    write_medline(tmp_path / "in" / "pubmed26n0001.xml.gz", changed)
    with pytest.raises(TextMissing, match="does not hold the text"):
        write_export(output, "bioc-json", tmp_path / "exported", inputs=[str(tmp_path / "in")])
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_input_of_the_run_that_is_not_given_is_named(output: Output, tmp_path: Path) -> None:
    write_medline(tmp_path / "other.xml", CITATIONS)
    with pytest.raises(TextMissing, match=r"pubmed26n0001\.xml\.gz"):
        write_export(output, "pubtator", tmp_path / "exported", inputs=[str(tmp_path / "other.xml")])
    with pytest.raises(InputMissing):
        write_export(output, "pubtator", tmp_path / "exported", inputs=[str(tmp_path / "none")])


def test_command_writes_and_tells(folder: Path, tmp_path: Path) -> None:
    arguments = ["export", str(folder), "--format", "csv", "--to", str(tmp_path / "a.csv"), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["format"], told["bytes"]) == ("csv", (tmp_path / "a.csv").stat().st_size)
    assert told["rows"] > 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "xml", "--to", "x"], "'xml' is not one of"),
        (["--format", "csv", "--to", "x", "--inputs", "in"], "leave out --inputs"),
        (["--format", "jsonl", "--to", "x", "--table", "entities"], "--table is for csv"),
        (["--format", "jsonl", "--to", "x"], "not an output folder"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["export", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_command_offers_every_format() -> None:
    assert export_module._FORMATS == FORMATS
    assert export_module._TABLES == write_module.TABLES


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("format_name", ["pubtator", "bioc-json", "jsonl", "label-studio"])
def test_citation_without_abstract_is_exported(
    output: Output, inputs: list[str], tmp_path: Path, format_name: str, whole: bool
) -> None:
    text = export(output, format_name, tmp_path, inputs=inputs if whole else ()).read_text("utf-8")
    assert "Title alone: OS was 3.5 months." in text
    if format_name == "pubtator":
        assert "\n4|a|\n4\t20\t23\t3.5\tOS\t-\n" in text


@pytest.mark.parametrize("table", ["entities", "endpoints", "citations"])
def test_csv_is_read_by_arrow_pandas_and_polars(output: Output, tmp_path: Path, table: str) -> None:
    pandas = pytest.importorskip("pandas", reason="install '.[dev]'")
    polars = pytest.importorskip("polars", reason="install '.[dev]'")
    target = export(output, "csv", tmp_path, table=table)
    rows = list(iter_rows(output, table))
    texts = {"doc_id": str, "pmid_version": int}
    read = {
        "arrow": pyarrow.csv.read_csv(
            target, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
        ).to_pylist(),
        "pandas": pandas.read_csv(target, dtype=texts, keep_default_na=False).to_dict("records"),
        "polars": polars.read_csv(target, infer_schema_length=None).to_dicts(),
    }
    for name, found in read.items():
        assert len(found) == len(rows) > 0, name
        assert [str(row["doc_id"]) for row in found] == [row["doc_id"] for row in rows], name
        if table == "entities":
            assert [row["sentence"].removeprefix("'") for row in found] == [row["sentence"] for row in rows]
            assert [(row["start"], row["end"]) for row in found] == [
                (row["start"], row["end"]) for row in rows
            ]


@pytest.mark.parametrize("format_name", FORMATS)
def test_name_that_ends_in_gz_is_gzipped(output: Output, tmp_path: Path, format_name: str) -> None:
    plain = export(output, format_name, tmp_path).read_bytes()
    report = write_export(output, format_name, tmp_path / "exported.gz")
    packed = (tmp_path / "exported.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert report.n_bytes == len(packed) < len(plain)
    write_export(output, format_name, tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == packed


LABEL_STUDIO_TASKS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["data", "predictions"],
        "properties": {
            "data": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
            "predictions": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["model_version", "score", "result"],
                    "properties": {
                        "model_version": {"type": "string"},
                        "score": {"type": "number", "minimum": 0, "maximum": 1},
                        "result": {"type": "array", "items": {"$ref": "#/$defs/region"}},
                    },
                },
            },
        },
    },
    "$defs": {
        "region": {
            "type": "object",
            "required": ["id", "from_name", "to_name", "type", "value"],
            "properties": {
                "id": {"type": "string"},
                "from_name": {"const": "label"},
                "to_name": {"const": "text"},
                "type": {"const": "labels"},
                "value": {
                    "type": "object",
                    "required": ["start", "end", "text", "labels"],
                    "properties": {
                        "start": {"type": "integer", "minimum": 0},
                        "end": {"type": "integer", "minimum": 1},
                        "text": {"type": "string", "minLength": 1},
                        "labels": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                    },
                },
            },
        }
    },
}
"""The documented form of pre-annotated tasks (https://labelstud.io/guide/predictions)."""


@pytest.mark.parametrize("whole", [False, True])
def test_label_studio_tasks_have_the_documented_form(
    output: Output, inputs: list[str], tmp_path: Path, whole: bool
) -> None:
    target = export(output, "label-studio", tmp_path, inputs=inputs if whole else ())
    tasks = json.loads(target.read_text("utf-8"))
    jsonschema.validate(tasks, LABEL_STUDIO_TASKS)
    for task in tasks:  # as a browser cuts it out
        units = task["data"]["text"].encode("utf-16-le")
        for value in (result["value"] for result in task["predictions"][0]["result"]):
            cut = units[2 * value["start"] : 2 * value["end"]].decode("utf-16-le")
            assert cut == value["text"]
        ids = [result["id"] for result in task["predictions"][0]["result"]]
        assert len(ids) == len(set(ids))


def test_tasks_that_nobody_corrected_are_no_training_data(output: Output, tmp_path: Path) -> None:
    export(output, "label-studio", tmp_path).rename(tmp_path / "tasks.json")
    with pytest.raises(AnnotationError, match="nothing is annotated"):
        read_annotations(tmp_path / "tasks.json")
