"""Responsible for the models of a comparison: found by name, told apart, and of the same labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jobs.errors import JobError
from jobs.model import BundleSource, ModelSource

DENSE = ("dense", "dense-fp32")


@dataclass(frozen=True)
class Entrant:
    """A model that takes part in a comparison."""

    name: str
    """What its row is called: the variant name; the folder as given where two have the same variant name."""
    source: ModelSource
    labels: tuple[str, ...]
    n_bytes: int
    """Size of its files on disk."""
    heads_per_layer: tuple[int, ...]
    """Attention heads left in each layer of the encoder, bottom first."""
    neurons_per_layer: tuple[int, ...]
    """Feed-forward neurons left in each layer of the encoder, bottom first."""
    is_job_model: bool = True
    """Whether `extract run` can use it; only such models are compared over a corpus."""


def find_entrant(name_or_path: str) -> Entrant:
    """The bundle that a name or a folder stands for, verified.

    :raises BundleError: when there is none, or it is damaged.
    """
    from extract.bundle import open_bundle
    from extract.registry import find_bundle

    bundle = open_bundle(find_bundle(name_or_path))
    source = BundleSource(bundle.path.absolute(), bundle.name, bundle.sha256, bundle.has_gate)
    shape = bundle.shape
    return Entrant(
        name_or_path,
        source,
        bundle.labels,
        bundle.n_bytes,
        shape.heads_per_layer,
        shape.neurons_per_layer,
    )


def settle_entrants(entrants: Sequence[Entrant]) -> list[Entrant]:
    """The entrants under names of their own, after a check that comparing them means something.

    :raises JobError: when one is there twice, or their labels differ.
    """
    first = entrants[0]
    for number, entrant in enumerate(entrants):
        twin = next(
            (other for other in entrants[:number] if other.source.sha256 == entrant.source.sha256), None
        )
        if twin is not None:
            raise JobError(
                "the same model twice", "", f"{twin.name!r} and {entrant.name!r}", "each model once"
            )
        if differing := sorted(set(entrant.labels) ^ set(first.labels)):
            raise JobError(
                "the models have different labels",
                "",
                f"{first.name!r} and {entrant.name!r} differ in {', '.join(differing[:5])}",
                "models of the same labels",
                "compare models that were trained on the same data",
            )
    count = Counter(entrant.source.name for entrant in entrants)
    return [
        replace(entrant, name=entrant.source.name) if count[entrant.source.name] == 1 else entrant
        for entrant in entrants
    ]


def find_reference(entrants: Sequence[Entrant]) -> int:
    """The number of the entrant that the others are compared with: the variant ``dense``, else the first."""
    return next((number for number, entrant in enumerate(entrants) if entrant.source.name in DENSE), 0)
