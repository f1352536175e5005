"""A run in which nothing comes back any more stops, and says that it can be continued."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster import ClusterConfig
from extract.tagger import Tagged
from jobs.config import StopRequest
from jobs.dispatch import Dispatcher
from jobs.errors import Interrupted, Stalled
from jobs.model import LoadedModel
from tests.corpus import make_citation, write_medline
from tests.jobs.conftest import RunJob


class Sleeper:
    """Never answers."""

    def tag(self, sentences: Sequence[str]) -> Tagged:
        time.sleep(600)
        raise AssertionError(len(sentences))


@dataclass(frozen=True)
class SleeperSource:
    sha256: str = "e" * 64
    name: str = "sleeper"
    has_gate: bool = False

    def open(self) -> LoadedModel:
        return LoadedModel(Sleeper(), None)


def test_silence_ends_a_run_and_keeps_what_is_there(run: RunJob, tmp_path: Path) -> None:
    path = write_medline(tmp_path / "a.xml", [make_citation(1)])
    own = ClusterConfig(n_workers=1, memory_limit=2 << 30)  # its worker will hang
    report = run(path, cluster=own, model=SleeperSource(), silence_seconds=5.0)
    assert isinstance(report.stopped_by, Stalled)
    assert report.status == "partial"
    assert report.tally.n_citations == 0


def test_stop_request_is_noticed_while_waiting(cluster_address: str) -> None:
    from distributed import Client

    stop = StopRequest()
    with Client(cluster_address) as client:
        dispatcher: Dispatcher[int] = Dispatcher(client, window=1, stop=stop)
        dispatcher.submit(1, time.sleep, 3)
        stop.set(15)
        with pytest.raises(Interrupted):
            dispatcher.wait()
