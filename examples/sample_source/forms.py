"""Responsible for turning a sentence form into text whose reported values are marked.

A form is text with slots in braces:

===================  ====================================================================
``{os1}``            a named slot: another form, or a value with its label
``{placebo|sham}``   one of these
``{12..40}``         a number between the two, written with as many decimals as the second
``{x=12.1..40.9}``   the same, remembered as ``x``
``{x-1.1..2.9}``     ``x`` minus a number between the two; ``{x+1.1..2.9}`` likewise
``{5-year:OS}``      the text before the colon, with that label
===================  ====================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sample_source.dice import Dice

SLOT = re.compile(r"\{([^{}]+)\}")
RANGE = re.compile(r"(?:(?P<name>\w+)(?P<sign>[=+-]))?(?P<low>\d[\d.]*)\.\.(?P<high>\d[\d.]*)")
LABELLED = re.compile(r"(?P<text>[^:]+):(?P<label>[A-Za-z_]+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text."""

    text: str
    label: str = ""
    """The endpoint label of a reported value; empty for everything else."""


Slots = Mapping[str, "str | Piece"]


class Filler:
    """Fills in the forms of one citation: numbers remembered in one sentence are known in the next."""

    def __init__(self, slots: Slots, dice: Dice) -> None:
        self._slots = slots
        self._dice = dice
        self._numbers: dict[str, float] = {}

    def fill(self, form: str) -> list[Piece]:
        pieces: list[Piece] = []
        end = 0
        for slot in SLOT.finditer(form):
            pieces.append(Piece(form[end : slot.start()]))
            pieces.extend(self._fill_slot(slot[1]))
            end = slot.end()
        return [piece for piece in [*pieces, Piece(form[end:])] if piece.text]

    def _fill_slot(self, slot: str) -> list[Piece]:
        if "|" in slot:
            return [Piece(self._dice.one(slot.split("|")))]
        if number := RANGE.fullmatch(slot):
            return [Piece(self._number(number))]
        if labelled := LABELLED.fullmatch(slot):
            return [Piece(labelled["text"], labelled["label"])]
        value = self._slots[slot]
        return [value] if isinstance(value, Piece) else self.fill(value)

    def _number(self, match: re.Match[str]) -> str:
        decimals = len(match["high"].partition(".")[2])
        drawn = self._dice.between(float(match["low"]), float(match["high"]))
        name, sign = match["name"], match["sign"]
        if sign == "=":
            self._numbers[name] = drawn
        elif sign:
            known = self._numbers.get(name)
            base = float(str(self._slots[name])) if known is None else known
            drawn = base + drawn if sign == "+" else base - drawn
        return f"{drawn:.{decimals}f}"
