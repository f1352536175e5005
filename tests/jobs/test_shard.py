"""A shard in this process: one bad record costs one record, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from extract.errors import SourceError, TaggingError
from extract.records import Mention
from extract.source import check_source
from extract.table import read_table
from extract.tagger import Tagged
from jobs.errors import ModelUnavailable
from jobs.layout import make_output, staging_folder
from jobs.model import LoadedModel
from jobs.shard import ShardTask, run_shard
from jobs.versions import own_versions
from tests.corpus import Made, write_medline

RUN = "000001-test"


class Finder:
    """Finds ``hit``; fails on ``bad``, runs out of memory on ``huge``, points past the end on ``wild``."""

    def tag(self, sentences: Sequence[str]) -> Tagged:
        found: list[tuple[Mention, ...]] = []
        for sentence in sentences:
            if "bad" in sentence:
                raise TaggingError("bad sentence")
            if "huge" in sentence:
                raise MemoryError
            place = sentence.find("hit")
            end = len(sentence) + 5 if "wild" in sentence else place + 3
            found.append((Mention(place, end, "OS", 0.5),) if place >= 0 else ())
        return Tagged(found, np.array([len(sentence.split()) for sentence in sentences], np.int64), 0)


@dataclass(frozen=True)
class FinderSource:
    """A model source for tests: names and opens the finder."""

    sha256: str = "f" * 64
    name: str = "finder"
    has_gate: bool = False

    def open(self) -> LoadedModel:
        return LoadedModel(Finder(), None)


MakeTask = Callable[..., ShardTask]


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    make_output(tmp_path / "out")
    staging_folder(tmp_path / "out", RUN).mkdir()

    def make(*titles: str, **settings: object) -> ShardTask:
        path = write_medline(tmp_path / "a.xml", [Made(pmid, title) for pmid, title in enumerate(titles, 1)])
        state, checked = path.stat(), check_source(path)
        task = ShardTask(
            shard="5" * 32,
            run_id=RUN,
            root=tmp_path / "out",
            path=path,
            source=path.name,
            format=checked.format,
            n_bytes=state.st_size,
            mark=str(state.st_mtime_ns),
            source_sha256=checked.sha256,
            piece=checked.slices[0],
            model=FinderSource(),
            gate=True,
        )
        return replace(task, **settings)  # type: ignore[arg-type]

    return make


def rows(task: ShardTask, kind: str) -> list[dict[str, object]]:
    (path,) = staging_folder(task.root, RUN).glob(f"{kind}-*")
    found: list[dict[str, object]] = read_table(path).to_pylist()
    return found


def test_sentence_that_the_model_fails_on_costs_its_citation(make_task: MakeTask) -> None:
    task = make_task("A hit.", "Nothing.", "A bad hit.", "Another hit.", "")
    receipt = run_shard(task)
    assert receipt.fates == {"extracted": 2, "no_entities": 1, "quarantined": 1, "no_text": 1}
    assert [row["pmid"] for row in rows(task, "entities")] == [1, 4]
    assert rows(task, "citations")[2]["reason"] == "TaggingError: bad sentence"


def test_mention_outside_its_sentence_is_never_written(make_task: MakeTask) -> None:
    task = make_task("A hit.", "A wild hit.")
    assert run_shard(task).fates == {"extracted": 1, "quarantined": 1}
    assert [row["text"] for row in rows(task, "entities")] == ["hit"]


def test_lack_of_memory_is_the_machine_s_fault_not_the_record_s(make_task: MakeTask) -> None:
    with pytest.raises(MemoryError):
        run_shard(make_task("A huge hit."))


def test_skipped_record_is_quarantined_with_its_reason(make_task: MakeTask) -> None:
    task = make_task("A hit.", "A hit.", skip=((1, "kills_worker"),))
    assert run_shard(task).fates == {"extracted": 1, "quarantined": 1}
    assert rows(task, "citations")[1]["reason"] == "kills_worker"


def test_probe_looks_at_its_range_only_and_writes_nothing(make_task: MakeTask) -> None:
    task = make_task("A hit.", "A bad hit.", "A hit.", only=(0, 1))
    receipt = run_shard(task)
    assert (receipt.fates, receipt.files) == ({"extracted": 1}, ())
    assert list(staging_folder(task.root, RUN).iterdir()) == []


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_rows_do_not_depend_on_how_many_go_to_the_model_at_once(make_task: MakeTask, chunk: int) -> None:
    task = make_task("A hit.", "A bad hit.", "A hit.", "No.", chunk=chunk)
    assert run_shard(task).fates == {"extracted": 2, "quarantined": 1, "no_entities": 1}


def test_file_changed_since_its_check_is_refused(make_task: MakeTask) -> None:
    task = make_task("A hit.")
    for wrong in (replace(task, mark="1"), replace(task, n_bytes=1), replace(task, path=Path("/nonesuch"))):
        with pytest.raises(SourceError, match="changed"):
            run_shard(wrong)


def test_worker_of_another_version_refuses(make_task: MakeTask) -> None:
    run_shard(make_task("A hit.", versions=own_versions()))
    with pytest.raises(ModelUnavailable, match="numpy 0.1"):
        run_shard(make_task("A hit.", versions=(("numpy", "0.1"),)))


def test_mention_is_placed_in_its_field_and_section(make_task: MakeTask, tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0"?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">7</PMID>'
        "<Article><ArticleTitle>No.</ArticleTitle><Abstract>"
        '<AbstractText Label="METHODS">None here.</AbstractText>'
        '<AbstractText Label="RESULTS">First one. Then a hit came.</AbstractText>'
        "</Abstract></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"
    )
    task = make_task("A hit.")
    task.path.write_text(text, encoding="utf-8")
    state, checked = task.path.stat(), check_source(task.path)
    task = replace(task, n_bytes=state.st_size, mark=str(state.st_mtime_ns), piece=checked.slices[0])
    run_shard(task)
    (row,) = rows(task, "entities")
    assert (row["section"], row["field"], row["sentence"]) == ("RESULTS", "abstract", "Then a hit came.")
    abstract = "None here.\nFirst one. Then a hit came."
    assert abstract[row["start"] : row["end"]] == "hit"  # type: ignore[misc]
    assert abstract[row["sentence_start"] :].startswith("Then")  # type: ignore[misc]
