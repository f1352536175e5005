"""Responsible for predictions noted in an output: written before a run, compared with it after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from extract.place import Place
from jobs.layout import CACHE
from jobs.store import store_of

_PLANS = "plans.json"
_KEPT = 50
_SAME_WORK = 0.05


def write_plans(root: Place, predictions: Sequence[Mapping[str, Any]]) -> None:
    """Note predictions in the output folder that the run will write to.

    :raises OutputUnwritable: when the folder cannot be made or written.
    """
    store = store_of(root)
    store.make()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept = [*read_plans(root), *({"noted_at": now, **prediction} for prediction in predictions)][-_KEPT:]
    store.put_over(f"{CACHE}/{_PLANS}", json.dumps(kept, indent=1).encode())


def read_plans(root: Place) -> list[dict[str, Any]]:
    """Predictions noted for an output, oldest first; none where the note is missing or damaged."""
    try:
        plans = json.loads((root / CACHE / _PLANS).read_bytes())
    except (OSError, ValueError):
        return []
    return [plan for plan in plans if isinstance(plan, dict)] if isinstance(plans, list) else []


def find_plan(
    plans: Sequence[Mapping[str, Any]],
    *,
    started_at: str,
    model_sha256: str,
    n_workers: int,
    n_citations: int,
    gate: bool,
) -> Mapping[str, Any] | None:
    """The last prediction noted before a run began, if it was made for what that run did.

    Numbers of citations need to agree within 5 % only: a plan counts records, or estimates them.
    """
    mine = [
        plan
        for plan in plans
        if str(plan.get("noted_at", "")) <= started_at
        and (plan.get("model_sha256"), plan.get("workers")) == (model_sha256, n_workers)
        and bool(plan.get("gate", gate)) == gate
        and abs(int(plan.get("citations", 0)) - n_citations) <= _SAME_WORK * n_citations
    ]
    return mine[-1] if mine else None


def plan_of(root: Place, facts: Mapping[str, Any], metrics: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The prediction that was made for a run.

    :param facts: what the run noted when it began, and ``metrics`` what it noted at its end: the prediction
        too, so that it stays with the run when plans are forgotten.
    """
    if isinstance(metrics.get("plan"), dict):
        return dict(metrics["plan"])
    return find_plan(
        read_plans(root),
        started_at=str(facts.get("started_at", "")),
        model_sha256=str(metrics.get("model_sha256", "")),
        n_workers=int(metrics.get("workers") or 0),
        n_citations=int(metrics.get("citations") or 0),
        gate=facts.get("settings", {}).get("gate") == "on",
    )


def prediction_error(plan: Mapping[str, Any], wall_seconds: float) -> float:
    """How much longer (positive) or shorter the run took than predicted, as a share of the prediction."""
    return wall_seconds / float(plan["wall_seconds"]) - 1
