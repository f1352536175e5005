"""Local workers that reach their age in the middle of a run are followed by others, and change no row."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import ClusterConfig
from extract.bundle import ModelBundle
from extract.commits import read_commits
from jobs.config import JobConfig, Silence
from jobs.model import find_model
from jobs.run import run_job
from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of

N_SHARDS = 24
LIFETIME_SECONDS = 12.0


class Notes(Silence):
    """A listener that keeps what a person should know."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.slow
def test_workers_that_retire_in_the_middle_are_replaced_and_the_table_is_the_same(
    tmp_path: Path, tiny_bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_medline(
        tmp_path / "pubmed26n0001.xml.gz", [make_citation(pmid) for pmid in range(1, 5 * N_SHARDS + 1)]
    )

    def run(out: Path, cluster: ClusterConfig, notes: Notes) -> None:
        config = JobConfig((str(path),), out, find_model(str(tiny_bundle.path)), cluster, slice_records=5)
        assert run_job(config, listener=notes).status == "done"

    run(tmp_path / "still", ClusterConfig(n_workers=1, memory_limit=1 << 30), Notes())
    # Each shard takes a second and a half longer, so that workers grow old while there is work.
    monkeypatch.setenv("EXTRACT_TESTING", "1")
    monkeypatch.setenv("EXTRACT_FAULT", "shard.start:*:*:slow")
    notes, out = Notes(), tmp_path / "out"
    run(out, ClusterConfig(n_workers=2, memory_limit=1 << 30, lifetime_seconds=LIFETIME_SECONDS), notes)
    assert not [note for note in notes.notes if "alone" in note]  # nobody was blamed
    assert audit(out, [path]) == []
    assert rows_of(out) == rows_of(tmp_path / "still")
    makers = {commit.worker for commit in read_commits(out).values()}
    assert len(makers) > 2, "no worker was replaced while there was work"
