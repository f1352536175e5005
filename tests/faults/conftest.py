"""Fixtures of the fault tests: a corpus, what an undisturbed run makes of it, and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.faults.drive import Command, kill_leftovers
from tests.tiny import build_tiny_bundle

SHARD_SIZE = 20


@dataclass(frozen=True)
class Case:
    """What a fault is tried on, and what must come of it."""

    bundle: Path
    inputs: tuple[Path, ...]
    golden: str
    """Digest of the rows of an undisturbed run."""
    out: Path

    def command(self, *more: str, workers: int | None = 1, fault: str = "", once: bool = False) -> Command:
        """The job over all inputs; with one worker unless told otherwise, since starting takes longest."""
        several = () if workers is None else ("--workers", str(workers))
        return Command(
            [
                *("run", *map(str, self.inputs), "--out", str(self.out), "--model", str(self.bundle)),
                *("--shard-size", str(SHARD_SIZE), *several, *more),
            ],
            fault=fault,
            once=self.out.with_name("fired") if once else None,
        )

    def check_whole(self) -> None:
        """The output is what an undisturbed run makes."""
        assert audit(self.out, self.inputs) == []
        assert rows_of(self.out) == self.golden

    def check_sound(self) -> None:
        """What is committed is right, whether or not all is committed."""
        lost = [problem for problem in audit(self.out, self.inputs) if not problem.endswith(" lost")]
        assert [problem for problem in lost if "deletions differ" not in problem] == []


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Path, ...], str]:
    """Bundle, inputs and the digest of an undisturbed run."""
    folder = tmp_path_factory.mktemp("faults")
    build_tiny_bundle(folder / "int8")
    inputs = (
        write_medline(folder / "pubmed26n0001.xml.gz", [make_citation(pmid) for pmid in range(1, 81)]),
        write_medline(
            folder / "pubmed26n0002.xml.gz",
            [make_citation(pmid, seed=1) for pmid in range(61, 101)],
            deleted=[(5, 1), (70, 1)],
        ),
    )
    case = Case(folder / "int8", inputs, "", folder / "golden")
    ended = case.command(workers=2).run()
    assert ended.code == 0, ended.err
    assert audit(case.out, inputs) == []
    return case.bundle, inputs, rows_of(case.out)


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """No command outlives its test."""
    yield
    kill_leftovers()


@pytest.fixture
def case(prepared: tuple[Path, tuple[Path, ...], str], tmp_path: Path) -> Case:
    """The prepared corpus with an output of its own."""
    bundle, inputs, golden = prepared
    return Case(bundle, inputs, golden, tmp_path / "out")
