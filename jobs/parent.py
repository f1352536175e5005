"""Responsible for finding the dense model that a bundle was made from, to ask for a second opinion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from extract.bundle import MANIFEST, ModelBundle, read_manifest
from extract.errors import BundleError
from extract.registry import list_bundles
from jobs.errors import SettingsMismatch
from jobs.model import BundleSource, find_model

NO_SHADOW = "none"


def find_shadow(model: BundleSource, wanted: str | None) -> BundleSource | None:
    """The model to compare with; None where there is none, which is no error.

    :param wanted: a name or a path; ``none`` for no comparison; None for the model's dense parent if it lies
        beside it or comes with the package.
    :raises BundleError: when the wanted model is not there, or damaged.
    :raises SettingsMismatch: when it has other labels.
    """
    if wanted == NO_SHADOW:
        return None
    if wanted is None:
        return _find_parent(read_manifest(model.path))
    shadow = find_model(wanted)
    mine, others = read_manifest(model.path).labels, read_manifest(shadow.path).labels
    if set(mine) != set(others):
        raise SettingsMismatch(
            "the models to compare have different labels",
            str(shadow.path),
            ", ".join(sorted(others)),
            ", ".join(sorted(mine)),
            "give --shadow a model of the same labels, or none",
        )
    return shadow


def _find_parent(bundle: ModelBundle) -> BundleSource | None:
    """The bundle whose making is the beginning of this one's, before anything was made smaller."""
    beside = sorted(manifest.parent for manifest in bundle.path.absolute().parent.glob(f"*/{MANIFEST}"))
    for path in [*beside, *list_bundles()]:
        try:
            candidate = read_manifest(path)
        except BundleError:
            continue
        if is_parent(candidate, bundle):
            return BundleSource(path.absolute(), candidate.name, candidate.sha256, candidate.has_gate)
    return None


def is_parent(candidate: ModelBundle, bundle: ModelBundle) -> bool:
    """Whether the one is the dense model that the other was made from, by what both tell of themselves."""
    n_steps = len(candidate.lineage)
    return (
        0 < n_steps < len(bundle.lineage)
        and _alike(list(candidate.lineage), list(bundle.lineage[:n_steps]))
        and candidate.name.startswith("dense")
        and not candidate.macs_removed
        and set(candidate.tags) == set(bundle.tags)
    )


def _alike(one: Any, other: Any) -> bool:
    """Whether two values of a manifest say the same; some hold rounded numbers."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-3)
    return bool(one == other)
