"""Responsible for the numbers of an invented trial: times, rates, intervals, and how they are written.

Survival is taken as exponential, so a median and a rate at a landmark of one arm fit together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sample_source.dice import Dice
from sample_source.forms import Piece

INTERVALS = (
    "95% CI, {L} to {H}",
    "95% CI {L}–{H}",
    "95% CI: {L}-{H}",
    "95% confidence interval, {L} to {H}",
    "95% CI {L} to {H}",
)
P_VALUES = {"P = .": "P < .001", "P=0.": "P<0.001", "p=0.": "p<0.0001", "p = 0.": "p < 0.001"}
LANDMARKS_EARLY = ((6, "6 months", "6-month"), (12, "12 months", "12-month"), (12, "1 year", "1-year"))
LANDMARKS_LATE = ((12, "12 months", "12-month"), (24, "24 months", "24-month"), (24, "2 years", "2-year"))
LANDMARKS_CURED = ((36, "3 years", "3-year"), (60, "5 years", "5-year"))
"""Months, and the two ways to write them."""
WORDS = {"3-year": "Three-year", "5-year": "Five-year"}
LONGEST_MEDIAN = 80
"""Months; no trial follows its patients for longer, so such a median is not reached."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one citation writes its numbers."""

    interval: str
    """A form of :data:`INTERVALS`; ``{L}`` and ``{H}`` stand for the bounds."""
    brackets: str
    """Opening and closing bracket."""
    unit: str
    """``months`` or ``mo``."""
    rate_decimals: int
    bound_sign: str
    """What stands behind the bounds of a rate: ``%`` or nothing."""
    p_form: str
    """A key of :data:`P_VALUES`."""


def choose_manner(dice: Dice) -> Manner:
    return Manner(
        interval=dice.one(INTERVALS),
        brackets=dice.one(("()", "()", "()", "[]")),
        unit=dice.one(("months", "months", "months", "mo")),
        rate_decimals=dice.one((0, 1, 1)),
        bound_sign=dice.one(("", "", "%")),
        p_form=dice.one(tuple(P_VALUES)),
    )


class TrialNumbers:
    """Builds the slots of one trial. Arm 1 is the study arm, arm 2 the control."""

    def __init__(self, manner: Manner, dice: Dice) -> None:
        self._manner = manner
        self._dice = dice
        self.slots: dict[str, str | Piece] = {"p": self._p_value(0.0), "pns": self._p_value(1.0)}

    def add_time(self, name: str, label: str, months: float, *, may_be_unreached: bool = False) -> None:
        """A median time and its interval: slots ``name``, ``namen`` (no unit) and ``nameci``."""
        spread = self._dice.between(0.12, 0.24)
        low, high = f"{months * (1 - spread):.1f}", f"{months * (1 + spread * 1.3):.1f}"
        value, unit = f"{months:.1f}", f" {self._manner.unit}"
        if months > LONGEST_MEDIAN or (may_be_unreached and self._dice.chance(0.35)):
            low = f"{min(months * (1 - spread), self._dice.between(48, 72)):.1f}"
            value, unit, high = "not reached", "", self._dice.one(("not reached", "NE", "not estimable"))
        self.slots[name] = Piece(value + unit, label)
        self.slots[f"{name}n"] = Piece(value, label)
        self._add_interval(name, label, low, high)

    def add_rates(self, name: str, label: str, *shares: float) -> None:
        """A rate and its interval for each arm; shares are from 0 to 1."""
        for arm, share in enumerate(shares, start=1):
            self.add_rate(f"{name}{arm}", label, share)

    def add_rate(self, name: str, label: str, share: float) -> None:
        decimals = self._manner.rate_decimals
        percent = 100 * min(max(share, 0.03), 0.97)
        width = self._dice.between(3.5, 8.5) * (percent * (100 - percent)) ** 0.5 / 50
        low, high = max(percent - width, 0.5), min(percent + width, 99.4)
        self.slots[name] = Piece(f"{percent:.{decimals}f}%", label)
        sign = self._manner.bound_sign
        self._add_interval(name, label, f"{low:.{decimals}f}{sign}", f"{high:.{decimals}f}{sign}")

    def add_landmark(self, name: str, landmarks: tuple[tuple[int, str, str], ...]) -> int:
        """A landmark time: slots ``name`` ("at ...") and ``name_adj`` ("... rate"). Returns its months."""
        months, noun, adjective = self._dice.one(landmarks)
        self.slots[name] = Piece(noun, "time_point")
        self.slots[f"{name}_adj"] = Piece(adjective, "time_point")
        word = WORDS.get(adjective, adjective) if self._dice.chance(0.6) else adjective
        self.slots[f"{name.capitalize()}_adj"] = Piece(word, "time_point")
        return months

    def add_hazard_ratio(self, name: str, ratio: float) -> None:
        """A hazard ratio, its interval and a p value that agrees with it."""
        spread = self._dice.between(0.14, 0.26)
        high = ratio * (1 + spread * 1.2)
        self.slots[name] = f"{ratio:.2f}"
        self.slots[f"{name}_ci"] = self._manner.interval.format(
            L=f"{ratio * (1 - spread):.2f}", H=f"{high:.2f}"
        )
        self.slots[f"{name}_p"] = self._p_value(high)

    def _p_value(self, high: float) -> str:
        """A form: a p value is drawn anew at each place where it is written."""
        form = self._manner.p_form
        if high >= 0.995:
            return f"{form}{{11..89}}"
        return P_VALUES[form] if high < 0.85 else f"{form}0{{11..46}}"

    def _add_interval(self, name: str, label: str, low: str, high: str) -> None:
        self.slots[f"{name}l"] = Piece(low, f"{label}_CIL")
        self.slots[f"{name}h"] = Piece(high, f"{label}_CIH")
        opening, closing = tuple(self._manner.brackets)
        inner = self._manner.interval.replace("{L}", f"{{{name}l}}").replace("{H}", f"{{{name}h}}")
        self.slots[f"{name}ci"] = f" {opening}{inner}{closing}"


def rate_at(months: float, median: float) -> float:
    """The share of an arm with this median that is free of the event at ``months``."""
    return float(0.5 ** (months / median))


def advanced_slots(disease: Mapping[str, Any], manner: Manner, dice: Dice) -> dict[str, str | Piece]:
    """The numbers of a trial in advanced disease."""
    numbers = TrialNumbers(manner, dice)
    os_ratio, pfs_ratio = dice.between(0.68, 0.94), dice.between(0.5, 0.75)
    os_2, pfs_2 = disease["os"] * dice.between(0.8, 1.15), disease["pfs"] * dice.between(0.8, 1.15)
    os_1, pfs_1 = os_2 / os_ratio, pfs_2 / pfs_ratio
    numbers.add_time("os1", "OS", os_1, may_be_unreached=os_1 > 20)
    numbers.add_time("os2", "OS", os_2)
    numbers.add_time("os3", "OS", os_2 * 1.04)
    numbers.add_time("pfs1", "PFS", pfs_1)
    numbers.add_time("pfs2", "PFS", pfs_2)
    dor = disease["dor"]
    numbers.add_time("dor1", "DoR", dor * dice.between(1.0, 1.4), may_be_unreached=dor > 12)
    numbers.add_time("dor2", "DoR", dor * dice.between(0.6, 0.9))
    orr_2 = disease["orr"] / 100 * dice.between(0.6, 0.9)
    numbers.add_rates("orr", "ORR", min(orr_2 * dice.between(1.25, 1.7), 0.93), orr_2)
    months = numbers.add_landmark("tp", LANDMARKS_LATE if os_2 > 18 else LANDMARKS_EARLY)
    numbers.add_rates("osr", "OS_percent", rate_at(months, os_1), rate_at(months, os_2))
    numbers.add_rates("pfsr", "PFS_percent", rate_at(months, pfs_1), rate_at(months, pfs_2))
    numbers.add_hazard_ratio("hr_os", os_ratio)
    numbers.add_hazard_ratio("hr_pfs", pfs_ratio)
    return numbers.slots


def curative_slots(disease: Mapping[str, Any], manner: Manner, dice: Dice) -> dict[str, str | Piece]:
    """The numbers of a trial or a cohort treated with curative intent."""
    numbers = TrialNumbers(manner, dice)
    os_ratio, dfs_ratio = dice.between(0.72, 0.95), dice.between(0.6, 0.8)
    os_2, dfs_2 = disease["os"] * dice.between(0.85, 1.1), disease["dfs"] * dice.between(0.85, 1.1)
    os_1, dfs_1 = os_2 / os_ratio, dfs_2 / dfs_ratio
    for name, label, median in (("os1", "OS", os_1), ("os2", "OS", os_2), ("dfs1", "DFS", dfs_1)):
        numbers.add_time(name, label, median, may_be_unreached=median > 50)
    numbers.add_time("os3", "OS", os_2 * 1.03)
    numbers.add_time("dfs2", "DFS", dfs_2)
    months = numbers.add_landmark("dtp", LANDMARKS_CURED)
    numbers.add_rates("cosr", "OS_percent", rate_at(months, os_1), rate_at(months, os_2))
    numbers.add_rates("dfsr", "DFS_percent", rate_at(months, dfs_1), rate_at(months, dfs_2))
    for year in (1, 3, 5):
        numbers.add_rate(f"c{year}", "OS_percent", rate_at(12 * year, os_2))
        numbers.add_rate(f"d{year}", "DFS_percent", rate_at(12 * year, dfs_2))
    numbers.add_hazard_ratio("hr_os", os_ratio)
    numbers.add_hazard_ratio("hr_pfs", dfs_ratio)
    numbers.slots["hr_os_inv"] = f"{dice.between(1.5, 2.2):.2f}"
    return numbers.slots
