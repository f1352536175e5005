"""Responsible for the arm or patient group that a value belongs to, where the sentence says so. Pure.

Three forms are read, and nothing is guessed beyond them:

1. behind each value: "30 months in the twice-daily group and 25 months in the once-daily group";
2. a list of as many groups as values, behind them ("20% and 31% in arms A and B, respectively") or before
   them ("in groups A and B were 93% and 66%");
3. before each value: "in the A arm 30 months, in the B arm 25 months".

Values of other endpoints or times that stand in one list right before a value share its group: "PFS and
OS were 2.8 and 13.2 months with X".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from extract.landmarks import Stretch


@dataclass(frozen=True, slots=True)
class Placed:
    """A value and where it stands."""

    stretch: Stretch
    key: tuple[str, int]
    """Endpoint and landmark: values with the same key are told apart by their groups."""
    head_start: int
    """Where the words before the value begin: the end of what stands before it."""
    tail_end: int
    """Where the words behind the value end: the start of what stands behind it."""
    inner: tuple[int, int]
    """Between the value's own number and its interval: "9.5 months for X (95% CI ...)"."""


@dataclass(frozen=True, slots=True)
class Group:
    """The words that name a group."""

    start: int
    end: int


_MAX_CHARACTERS = 90
_REACH = 200
"""Characters round a value that are searched: a bound, so that no text takes quadratic time."""
_ENDPOINT = (
    r"(?:m?OS|m?PFS|[iI]?DFS|RFS|DOR|ORR|RR|rates?|survival|overall|progression-free|disease-free|relapse-free"
    r"|recurrence-free|objective|response|duration|(?:\w+-)(?:year|yr|month|y|week)s?|median|estimated)"
)
_PREPOSITION = r"(?:in|for|with|among|of|on|without|after)"
_HEADS = (
    r"(?:arms?|groups?|cohorts?|subgroups?|subsets?|patients|participants|subjects|women|men|children|males|females"
    r"|controls?|populations?|recipients|carriers|responders|non-responders|placebo|disease|tumou?rs|those)"
)
_STOP = (
    r"(?:[;()\[\]]|[,:.](?=\s|$)|\s[-–—]\s|\b(?:vs?\.?|versus|compared|than|as|was|were|is|are|had|has|have|"
    r"whereas|while|against|but|respectively|at|who\s+had|did|when|which|representing|reported|achieved|given|by|"
    r"responded|experienced|being|remain(?:ed|ing|s)?|gave|followed|rose|fell|survived|lived|alive|showed|progression-free|disease-free|"
    r"the\s+(?:ORR|OS|PFS|same|response|median|rate|survival|corresponding))\b|$)"
)
_STOP_WORD = re.compile(_STOP.removesuffix("|$)") + ")", re.IGNORECASE)
_TAIL = re.compile(
    r"(?:\s*\([^()]*\)|\s*\[[^\[\]]*\])*(?:,?\s*respectively,?)?\s*(?:,(?=\s*respectively))?\s*(?<![,;])"
    rf"(?:(?:achieved|reported|observed|seen|noted|recorded|obtained)\s+)?{_PREPOSITION}\s+(?:the\s+)?(?P<group>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_HEAD = re.compile(
    rf"(?:^|.*[\s(,;]){_PREPOSITION}\s+(?:the\s+)?(?P<group>[^,;:()]{{1,{_MAX_CHARACTERS}}}?)"
    rf"\s*(?:[,:(]|\b(?:it|this|these|they|was|were|is|being|had|reached|(?-i:a)|of|the|{_ENDPOINT})(?!\w)|\s)*$",
    re.IGNORECASE | re.DOTALL,
)
_NOT_A_GROUP = re.compile(
    r"^(?:\d[\d.,]*(?:\s*%|\s*$|\s+(?:of|months?|years?|weeks?|patients)\b)|all\b|total|this|these|that\b|which|both\b|whom|favou?r|terms|our\b|addition|contrast|comparison|"
    r"respect|median|a\s+median|hazard|HR\b|p\s*[=<]|progression|overall|survival|PFS|OS|DFS|RFS|response|"
    r"follow|years?\b|months?\b|weeks?\b|only\b|about|approximately|95)"
    r"|^(?:patients|subjects|participants|those|women|men|children|it|(?-i:a)|them|cases|tumou?rs|disease|group|first\b.*|"
    r"matching\b.*|an?\s+\w+|such\b.*|each\b.*|every\b.*)$|\b(?:who|with|to|from|of|the|and|or)$"
    r"|%|\b(?:ratio|interval|CI|months?|years?|endpoint|analysis|difference)\b",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"\s*,\s*(?:and|or)\s+|\s*,\s*|\s+(?:and|or|vs?\.?|versus|&)\s+", re.IGNORECASE)
_PLURAL = re.compile(
    r"\b(?:arms|groups|cohorts|subgroups|subsets|classes|stages|levels|populations|diseases)\b", re.IGNORECASE
)
_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)
_SHORT_GAP = re.compile(
    r"(?:\s*\([^()]{0,40}\))*\s*[,;/]?\s*(?:respectively,?)?\s*(?:\b(?:and|versus|or)\b|\bvs?\b\.?)?\s*",
    re.IGNORECASE,
)
_LIST_END = re.compile(
    r"\brespectively\b|[;:.(\[](?=\s|$|\S)|\s[-–—]\s|\b(?:was|were|who|which|with\s+(?:an?|HR))\b|$"
)


def find_groups(text: str, values: Sequence[Placed]) -> list[Group | None]:
    """The group of each value of a sentence, None where it is not certain."""
    groups: list[Group | None] = [None] * len(values)
    all_series = _series(values)
    taken = [group for group in (_group_behind(text, value) for value in values) if group]
    for series in all_series:
        mine = [values[index] for index in series]
        for index, group in zip(series, _groups_of_series(text, mine, taken), strict=True):
            groups[index] = group
    _share_backwards(text, values, groups)
    _carry_on(text, values, all_series, groups)
    return groups


def _series(values: Sequence[Placed]) -> list[list[int]]:
    """Values with the same endpoint and landmark: what differs between them is the group."""
    series: dict[tuple[str, int], list[int]] = {}
    for index, value in enumerate(values):
        series.setdefault(value.key, []).append(index)
    return list(series.values())


def _groups_of_series(text: str, mine: Sequence[Placed], taken: Sequence[Group]) -> list[Group | None]:
    """The groups of values that only their groups tell apart."""
    if len(mine) > 1 and _adjacent(text, mine):
        listed = _list_behind(text, mine) or _list_before(text, mine)
        if listed:
            return list(listed)
    behind = [_group_behind(text, value) for value in mine]
    before = [_group_before(text, value, taken) for value in mine]
    # Where every value has words before it and the last has none behind it, those name the groups.
    if len(mine) > 1 and all(before) and behind[-1] is None:
        behind = before
    elif len(mine) > 1:
        behind = [after or ahead for after, ahead in zip(behind, before, strict=True)]
    found = [group for group in behind if group]
    certain = len(found) > 1 or (found and _has_head(text, found[0]))
    if len(found) < len(mine) and _adjacent(text, mine):
        certain = False  # one name for a list of values: whose it is remains open
    if not certain or len({text[group.start : group.end].lower() for group in found}) < len(found):
        return [None] * len(mine)
    return behind


def _carry_on(
    text: str, values: Sequence[Placed], all_series: Sequence[Sequence[int]], groups: list[Group | None]
) -> None:
    """Give a bare list the groups of the list before it: "... and the 5-year rates were 81% and 48%"."""
    order: list[Group | None] = []
    for series in all_series:
        mine = [groups[index] for index in series]
        if len(series) > 1 and all(mine):
            if order and [_name(text, group) for group in order] != [_name(text, group) for group in mine]:
                return
            order = order or mine
        elif len(series) == len(order) and not any(mine) and _adjacent(text, [values[i] for i in series]):
            for index, group in zip(series, order, strict=True):
                groups[index] = group


def _name(text: str, group: Group | None) -> str:
    return text[group.start : group.end].lower() if group else ""


def _adjacent(text: str, values: Sequence[Placed]) -> bool:
    """Whether nothing but "and" or "versus" stands between the values."""
    return all(
        _SHORT_GAP.fullmatch(text, left.stretch.end, right.stretch.start)
        for left, right in zip(values, values[1:], strict=False)
    )


def _group_behind(text: str, value: Placed) -> Group | None:
    inside = _TAIL.match(text, *value.inner)
    if inside:
        return _cut(text, inside.start("group"), inside.end("group"))
    match = _TAIL.match(text, value.stretch.end, min(value.tail_end, value.stretch.end + _REACH))
    if not match:
        return None
    return _cut(text, match.start("group"), match.end("group"))


def _cut(text: str, start: int, end: int) -> Group | None:
    """The name of a group that begins at ``start``: up to a word that ends it."""
    stop = re.compile(_STOP, re.IGNORECASE).search(text, start, end)
    end = stop.start() if stop else end
    head = re.compile(rf"(?:(?!\band\b).)*?\b{_HEADS}\b(?!-)", re.IGNORECASE | re.DOTALL).match(
        text, start, end
    )
    joined = re.compile(r"\s+(?:and|or)\b", re.IGNORECASE).search(text, start, end)
    if joined:
        # "chemotherapy and bevacizumab group" is one name, "chemotherapy and" before the next value is not.
        whole = re.compile(rf".*?\b{_HEADS}\b", re.IGNORECASE | re.DOTALL).match(text, start, end)
        end = joined.start() if head or not whole else whole.end()
    return _checked(text, start, end)


def _checked(text: str, start: int, end: int) -> Group | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ",;"):
        end -= 1
    name = text[start:end]
    if not name or len(name) > _MAX_CHARACTERS or _NOT_A_GROUP.search(name) or _RESPECTIVELY.search(name):
        return None
    if _PLURAL.search(name) and _SPLIT.search(name):
        return None
    return Group(start, end) if any(char.isalpha() for char in name) else None


def _group_before(text: str, value: Placed, taken: Sequence[Group]) -> Group | None:
    """The group named before a value, unless the words are ``taken`` by the value they stand behind."""
    match = _HEAD.fullmatch(text, _near(value.head_start, value), value.stretch.start)
    if not match or _SPLIT.search(match["group"]) or _STOP_WORD.search(match["group"] + " "):
        return None
    group = _checked(text, match.start("group"), match.end("group"))
    if group and any(other.start < group.end and group.start < other.end for other in taken):
        return None
    return group


def _near(start: int, value: Placed) -> int:
    return max(start, value.stretch.start - _REACH)


def _has_head(text: str, group: Group) -> bool:
    return bool(re.search(rf"\b{_HEADS}\b", text[group.start : group.end], re.IGNORECASE))


def _list_behind(text: str, values: Sequence[Placed]) -> list[Group] | None:
    """Groups listed behind the values: "... in the X and Y arms, respectively"."""
    last = values[-1]
    far = min(last.tail_end, last.stretch.end + _REACH)
    match = _TAIL.match(text, last.stretch.end, far)
    if not match:
        return None
    start = match.start("group")
    stop = _LIST_END.search(text, start, far)
    end = stop.start() if stop else far
    certain = bool(_RESPECTIVELY.search(text, values[0].stretch.end, far))
    return _split_list(text, start, end, len(values), certain=certain)


def _list_before(text: str, values: Sequence[Placed]) -> list[Group] | None:
    """Groups listed before the values: "in groups A and B were ..."."""
    first = values[0]
    match = re.compile(
        r".*\b(?:in|for|between|among|with|of|by)\s+(?:the\s+)?(?P<group>[^();:]+?)\s*"
        r"(?:[(,:]|\b(?:was|were|being|of|median|had\s+been)\b|\s)*",
        re.IGNORECASE | re.DOTALL,
    ).fullmatch(text, _near(first.head_start, first), first.stretch.start)
    if not match:
        return None
    behind = text[values[-1].stretch.end : values[-1].tail_end]
    certain = bool(_RESPECTIVELY.match(behind.lstrip(" ,)")))
    return _split_list(text, match.start("group"), match.end("group"), len(values), certain=certain)


def _split_list(text: str, start: int, end: int, n: int, *, certain: bool) -> list[Group] | None:
    """The names in a list, if they are as many as the values and certainly groups."""
    names: list[Group] = []
    at = start
    for match in [*_SPLIT.finditer(text, start, end), None]:
        stop = match.start() if match else end
        if text[at:stop].strip(" ,"):
            names.append(Group(at, stop))
        at = match.end() if match else end
    versus = re.search(r"\b(?:vs?\.?|versus)(?=\s)", text[start:end], re.IGNORECASE)
    if len(names) != n or not (certain or versus or _PLURAL.search(text, start, end)):
        return None
    checked = [_checked(text, name.start, name.end) for name in names]
    return [name for name in checked if name] if all(checked) else None


def _share_backwards(text: str, values: Sequence[Placed], groups: list[Group | None]) -> None:
    """Give a value without group that of the value it stands in one list with, from the last to the first."""
    for index in range(len(values) - 2, -1, -1):
        left, right = values[index], values[index + 1]
        if groups[index] or not groups[index + 1] or left.key == right.key:
            continue
        gap = text[left.stretch.end : right.stretch.start]
        behind = groups[index + 1]
        named_behind = behind is not None and behind.start >= right.inner[0]
        if named_behind and _SHORT_GAP.fullmatch(gap) and not re.search(r"\bv", gap, re.IGNORECASE):
            groups[index] = replace(behind) if behind else None
