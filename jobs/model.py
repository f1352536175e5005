"""Responsible for the model of a run: named once by the driver, opened once in every worker process."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from extract.gate import Verdict
from extract.records import Citation, Field, Sentence
from extract.tagger import Tagged
from extract.urls import is_url
from jobs.errors import ModelUnavailable

SHADOW_SHARE = 0.005
"""Share of the tagged sentences that go through another model too, where there is one."""
SHADOW_LEAST = 15_000
"""Citations a worker from which a model that nobody asked for is opened: before, that costs too much."""


class SentenceTagger(Protocol):
    """What a shard needs of a model; :class:`extract.tagger.Tagger` is one."""

    def tag(self, sentences: Sequence[str]) -> Tagged: ...


class Gate(Protocol):
    """Decides which sentences can hold an entity at all; :class:`extract.gate.Gate` is one."""

    @property
    def audit_share(self) -> float:
        """Share of the dropped sentences to tag all the same."""

    def judge(self, citation: Citation, sentences: Sequence[tuple[Field, Sentence]]) -> Verdict:
        """Whether a citation is of the model's domain, and which of its sentences go to the model."""

    def admits(self, citation: Citation) -> bool:
        """Whether a citation is of the model's domain: all that its MeSH headings decide."""

    def keep(self, citation: Citation, sentences: Sequence[tuple[Field, Sentence]]) -> Sequence[bool]:
        """For each sentence of a citation, whether it goes to the model."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in this process, ready to use."""

    tagger: SentenceTagger
    gate: Gate | None
    open_seconds: float = 0.0
    """Wall time it took to open, checks included."""
    shares_weights: bool = False
    """Whether the processes of this host have one copy of its weights."""
    note: str = ""
    """Why they have not although they should, in a line."""


class ModelSource(Protocol):
    """A model as the driver names it: small, picklable, opened where it is needed."""

    @property
    def name(self) -> str:
        """Variant name."""

    @property
    def sha256(self) -> str:
        """Identity of everything that can change an answer."""

    @property
    def has_gate(self) -> bool: ...

    def open(self) -> LoadedModel:
        """Load and check the model.

        :raises ExtractError: when it is not the one that was named, or does not work here.
        """


@dataclass(frozen=True, slots=True)
class BundleSource:
    """A model bundle in a folder that every worker can read."""

    path: Path
    name: str
    sha256: str
    has_gate: bool = False
    url: str = ""
    """Where a host that does not have the folder can fetch it; empty for nowhere."""

    def open(self) -> LoadedModel:
        """Open the bundle, whose files are hashed and whose golden probe is run."""
        started = time.monotonic()
        from extract.bundle import open_bundle
        from extract.gate import open_gate
        from extract.tagger import open_tagger

        bundle = open_bundle(self._here())
        if bundle.sha256 != self.sha256:
            raise ModelUnavailable(
                "model_hash_mismatch",
                str(self.path),
                bundle.sha256[:16],
                self.sha256[:16],
                "the bundle was changed during the run: put the old one back, or start the run again",
            )
        tagger = open_tagger(bundle, shared_weights_folder())
        gate = open_gate(bundle)
        seconds = time.monotonic() - started
        return LoadedModel(tagger, gate, seconds, tagger.shares_weights, tagger.note)

    def _here(self) -> Path:
        """The bundle's folder on this host."""
        if not self.url or self.path.is_dir():
            return self.path
        from extract.fetch_bundle import fetch_bundle

        return fetch_bundle(self.url)


def shared_weights_folder() -> Path:
    """Where this user's processes on this host share weights; may be deleted at any time."""
    return Path(tempfile.gettempdir()) / f"extract-weights-{os.getuid()}"


def find_model(name_or_path: str, *, promoted: bool = False) -> BundleSource:
    """The bundle that a name, a path or a URL stands for, verified.

    :param promoted: refuse a variant that was marked, when it was built, as falling too far below its
        dense model.
    :raises BundleError: when there is none, or it is damaged.
    :raises NotPromoted: when it is so marked.
    """
    from extract.bundle import open_bundle, require_promoted
    from extract.registry import find_bundle

    bundle = open_bundle(find_bundle(name_or_path))
    if promoted:
        require_promoted(bundle)
    url = name_or_path if is_url(name_or_path) else ""
    return BundleSource(bundle.path.absolute(), bundle.name, bundle.sha256, bundle.has_gate, url)


def measured_of(source: ModelSource) -> dict[str, Any]:
    """What the gate of a bundle loses, as measured when it was built; empty where that is not known."""
    from extract.bundle import read_manifest
    from extract.gate import open_gate

    if not isinstance(source, BundleSource) or not source.has_gate:
        return {}
    gate = open_gate(read_manifest(source.path))
    return {} if gate is None else dict(gate.terms.measured)


_LOADED: dict[str, LoadedModel] = {}
_LOCK = threading.Lock()


def require_model(source: ModelSource) -> LoadedModel:
    """The model, opened at first use in this process and kept; only the latest one is.

    A worker plugin could preload it, but an error in the plugin of a late worker is only logged and
    the worker takes work without a model. So the work itself asks.
    """
    with _LOCK:
        if source.sha256 not in _LOADED:
            _LOADED.clear()
            _LOADED[source.sha256] = source.open()
        return _LOADED[source.sha256]
