"""Responsible for which variants are worth a choice, and which one runs tonight. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """A variant between quality and price."""

    name: str
    f1: float
    cost: float
    """Less is better: USD, seconds."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant that runs, and why."""

    name: str
    because: str


def find_front(points: Sequence[Point]) -> list[bool]:
    """For each point whether it is on the Pareto front: no other is as good in both and better in one."""
    return [not any(_beats(other, point) for other in points) for point in points]


def choose(points: Sequence[Point], *, unit: str, tolerance: float = TOLERANCE) -> Choice:
    """The cheapest variant whose F1 is at most ``tolerance`` below the best; the better one on a tie.

    :param unit: what a cost is in, as it stands behind a number.
    """
    best = max(points, key=lambda point: (point.f1, -point.cost))
    good = [point for point in points if point.f1 >= best.f1 - tolerance]
    chosen = min(good, key=lambda point: (point.cost, -point.f1))
    cost = f"{chosen.cost:,.3g} {unit}"
    if len(good) == 1:
        return Choice(chosen.name, f"F1 {chosen.f1:.3f}, and no other comes within {tolerance:g}; {cost}")
    if chosen == best:
        return Choice(
            chosen.name,
            f"F1 {chosen.f1:.3f} is the best, and of those within {tolerance:g} it is cheapest: {cost}",
        )
    return Choice(
        chosen.name,
        f"cheapest ({cost}) of the {len(good)} whose F1 is within {tolerance:g} of the best: "
        f"{chosen.f1:.3f} against {best.f1:.3f} of {best.name}",
    )


def _beats(one: Point, other: Point) -> bool:
    return one.f1 >= other.f1 and one.cost <= other.cost and (one.f1, one.cost) != (other.f1, other.cost)
