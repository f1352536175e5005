"""Responsible for colours, marks and strokes that tell models apart, in colour, in grey and colour-blind.

Colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/) and, where those run out, Tol's muted ones
(https://sronpersonalpages.nl/~pault/). No two of a figure share both colour and mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.colors import to_hex, to_rgb


@dataclass(frozen=True, slots=True)
class Look:
    """How one model or method is drawn."""

    colour: str
    marker: str = "o"
    stroke: str = "-"
    """Line style: dotted for methods that only write zeros."""

    @property
    def text_colour(self) -> str:
        """The colour, dark enough for text on white."""
        red, green, blue = to_rgb(self.colour)
        return to_hex((0.62 * red, 0.62 * green, 0.62 * blue))


DENSE = Look("#444444", "s", "--")

_CYCLE = (
    Look("#0072B2", "o"),
    Look("#D55E00", "D"),
    Look("#009E73", "^"),
    Look("#CC79A7", "v"),
    Look("#E69F00", "P"),
    Look("#56B4E9", "X"),
    Look("#882255", "<"),
    Look("#332288", ">"),
)

_METHODS = {
    "dense": DENSE,
    "fisher": Look("#0072B2", "o"),
    "fisher-kwon": Look("#56B4E9", "X"),
    "loss-increase": Look("#009E73", "^"),
    "magnitude": Look("#E69F00", "P"),
    "magnitude-l1": Look("#D55E00", "D"),
    "random": Look("#999999", "v"),
    "layers": Look("#CC79A7", "p"),
    "gmp": Look("#332288", "o", ":"),
    "l1": Look("#882255", "<", ":"),
    "random-unstructured": Look("#777777", ">", ":"),
}


def look_of_method(method: str) -> Look:
    """The same in every figure."""
    return _METHODS.get(method) or _CYCLE[sum(method.encode()) % len(_CYCLE)]


def looks_of_models(names: Sequence[str]) -> list[Look]:
    """One each, by order; the dense model's is its own."""
    dense = next((index for index, name in enumerate(names) if name.startswith("dense")), None)
    looks = [_nth(number) for number in range(len(names) - (dense is not None))]
    if dense is not None:
        looks.insert(dense, DENSE)
    return looks


def _nth(number: int) -> Look:
    """Colours come again after all have been used, with another mark each time."""
    turn, place = divmod(number, len(_CYCLE))
    return Look(_CYCLE[place].colour, _CYCLE[(place + turn) % len(_CYCLE)].marker)
