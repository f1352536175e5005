"""Responsible for what a job is asked to do."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from cluster.config import ClusterConfig
from extract.place import Place
from jobs.errors import Interrupted
from jobs.model import SHADOW_SHARE, ModelSource

USD_PER_WORKER_HOUR = 0.048
"""Half of 0.096 USD, the hourly price of a machine with two vCPUs: one worker keeps one vCPU busy."""


@dataclass(frozen=True)
class JobConfig:
    """A job: which inputs, which model, where to, on what."""

    inputs: tuple[str, ...]
    """Files, folders, glob patterns and URLs of these."""
    out: Place
    """Output folder, or a prefix in an object store."""
    model: ModelSource
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    gate: bool = True
    """Whether the model's gate, if it has one, may drop sentences."""
    replace_model: bool = False
    """Whether an output made with other settings is processed again with these."""
    max_quarantine: float | None = None
    """Share of citations that may be quarantined before the run stops; None for 0.1 %, but at least 10."""
    price_per_hour: float | None = None
    """USD for all machines together; None for :data:`USD_PER_WORKER_HOUR` a worker."""
    slice_records: int | None = None
    """Citations a shard; None to choose by the size of the input."""
    silence_seconds: float | None = None
    """How long nothing may come back before the run stops; None for ten usual shards, at least 15 minutes."""
    shadow: ModelSource | None = None
    """A model that a sample of the tagged sentences goes through too: mostly the dense parent. Its answers
    are only counted."""
    shadow_share: float = SHADOW_SHARE
    shadow_least: int = 0
    """Citations a worker below which that model is not asked."""


class Listener(Protocol):
    """Hears how a job goes on."""

    def checking(self, n_files: int) -> None:
        """So many input files are about to be read for the first time."""

    def checked(self) -> None:
        """One of them has been."""

    def planned(self, n_records: int, n_done: int) -> None:
        """So many records (citations and orders to delete) are planned; so many are done already."""

    def committed(self, n_records: int) -> None:
        """So many more records are in the output for good."""

    def note(self, text: str) -> None:
        """Something that a person should know."""


class Silence:
    """A listener that does not care."""

    def checking(self, n_files: int) -> None: ...
    def checked(self) -> None: ...
    def planned(self, n_records: int, n_done: int) -> None: ...
    def committed(self, n_records: int) -> None: ...
    def note(self, text: str) -> None: ...


class StopRequest:
    """Asks a running job to stop; set from a signal handler, looked at by the job."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signal_number = 0

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self, signal_number: int) -> None:
        self._signal_number = signal_number
        self._event.set()

    def check(self) -> None:
        """
        :raises Interrupted: when a stop has been asked for.
        """
        if self._event.is_set():
            raise Interrupted(self._signal_number)
