"""The embedded model on the sample corpus: what a stranger sees first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cluster import ClusterConfig
from extract import open_output
from extract.output import Output
from extract.registry import DEFAULT_MODEL
from jobs.config import JobConfig
from jobs.model import find_model
from jobs.run import run_job

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Entity = tuple[int, str, str]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    folder = tmp_path_factory.mktemp("sample") / "out"
    model = find_model(DEFAULT_MODEL)
    report = run_job(JobConfig((str(EXAMPLES / "sample"),), folder, model, ClusterConfig(n_workers=1)))
    assert report.status == "done"
    return open_output(folder)


@pytest.fixture(scope="module")
def reported() -> Counter[Entity]:
    """What the live citations report, as they were written to report it."""
    lines = (EXAMPLES / "sample_entities.tsv").read_text("utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return Counter((int(pmid), label, text) for pmid, label, text in rows)


def test_every_record_of_the_sample_has_its_fate(output: Output) -> None:
    fates = output.count_fates()
    assert fates.total() == 202
    assert (fates["superseded"], fates["deleted"], fates["no_text"], fates["quarantined"]) == (2, 1, 1, 0)


def test_nearly_all_that_the_sample_reports_is_found_and_little_else(
    output: Output, reported: Counter[Entity]
) -> None:
    columns = output.entities.to_table(columns=["pmid", "label", "text"])
    found: Counter[Entity] = Counter(tuple(row.values()) for row in columns.to_pylist())
    right = (found & reported).total()
    assert right / reported.total() > 0.97, (reported - found).most_common(10)
    assert right / found.total() > 0.9, (found - reported).most_common(10)


def test_values_come_with_their_intervals(output: Output, reported: Counter[Entity]) -> None:
    table = output.endpoints.to_table(columns=["endpoint", "lower", "upper"]).to_pylist()
    intervals = Counter(
        row["endpoint"] for row in table if row["lower"] is not None and row["upper"] is not None
    )
    written = Counter(label.removesuffix("_CIL") for _, label, _ in reported.elements() if label == "PFS_CIL")
    assert intervals["PFS"] >= 0.9 * written["PFS"]
