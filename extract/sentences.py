"""Responsible for sentences: where they begin and end in a field's text.

A sentence never crosses a section boundary, has no white space at its ends, and every other character of
a section lies in exactly one sentence. The rule is our own, pure, and has a version, for entities depend
on it: docs/sentences.md says what it was measured against and why no library took its place.

Version 1. A sentence ends after ``.``, ``!``, ``?`` or ``…`` and any closing quotes, brackets and note
numbers (``^1,2``) where white space follows, and at a blank line, but not

1. before a lower-case word, unless it looks like a name (``mTOR``, ``p53``, ``miR-21``, ``β-catenin``), and
   not before an operator or a comma;
2. after a word that never ends one (``vs.``, ``e.g.``, ``Dr.``, ``approx.``);
3. after ``et al.``, ``Inc.``, ``spp.``, or capitals with inner points such as ``U.S.``, unless the next word
   is one that commonly begins sentences; before a number, after ``No.``, ``Vol.``, ``i.v.``, ``a.m.``;
4. after a single capital (``E. Coli``), unless such a word follows, or ``group``, ``vitamin`` or a number
   precedes;
5. after a number or letter that begins the sentence or follows a colon or semicolon (``1. To assess``), or
   within a number that was torn apart (``0. 05``, ``< . 001``);
6. between round brackets that close within the next 200 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from extract.records import Section, Sentence

SENTENCE_RULE_VERSION = 1

_CLOSERS = "\"'”’»)]}"
_OPENERS = "\"'“‘«([{"
_NOTE = r"\^\(?[0-9][0-9,–-]*\)?"
_CANDIDATE = re.compile(rf"[.!?…][{re.escape(_CLOSERS)}]*(?:{_NOTE})?\s+|\n[^\S\n]*\n\s*")
_NEVER_FIRST = frozenset("=<>≤≥±×%,;:/)]")
_NAME_START = re.compile(r"[a-z]{1,4}(?:[A-Z0-9]|-[A-Z0-9])|[α-ω]")
_WORD = re.compile(r"\w+")
_INNER_POINTS = re.compile(r"(?:[A-Za-z]{1,2}\.)+[A-Za-z]{1,2}")
_TORN_NUMBER = re.compile(r"[<>=≤≥]?0?")
_LIST_MARK = re.compile(r"[0-9]{1,2}|[A-Za-z]")
_INITIAL = re.compile(r"[A-Z]\.\s")
_NUMBERED = re.compile(r"[A-Z]{0,12}-?[0-9]")

_LONGEST_WORD = 40
"""Characters looked back for the word before a full stop: a bound, so that no text takes quadratic time."""
_BRACKET_REACH = 200
"""Characters looked back and ahead for round brackets: a bound, as above."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Case matters: MS is a disease, CF another, and both end sentences.
_NEVER_LAST = _words("""
    vs Vs v e.g E.g eg i.e I.e ie cf Cf c.f viz approx Approx ca Dr Drs Prof Mr Mrs Ms St Fig Figs fig figs
    Eq Eqs Ref Refs a.k.a incl excl
""")
_RARELY_LAST = _words("al Inc Ltd Corp Co sp spp ssp subsp var cv Dept Univ Hosp Jr Sr")
_BEFORE_NUMBERS = _words("""
    No Nos no nos Nr nr Vol vol p P pp n Suppl suppl Tab Ch Sect Art Reg Rs ver Jan Feb Mar Apr Jun Jul Aug
    Sep Sept Oct Nov Dec
""")
_STARTERS = _words("""
    A Additionally Adverse After All Also Although Among An And Another As At Baseline Because Before Between
    Both But By Clinical Compared Conclusion Conclusions Conversely Data Despite During Each Eight Either
    Eligible Few Finally Findings Five For Four From Further Furthermore Given Half He Hence Here How However
    If Importantly In Interestingly Is It Its Mean Median Methods Moreover Most Multivariate Neither Nine No
    None Nonetheless Nor Not Of On One Only Or Other Our Outcomes Over Overall Participants Patients Primary
    Randomised Randomized Results Safety Secondary Seven Several She Significant Similar Similarly Since Six
    Some Statistical Studies Study Subjects Such Survival Ten That The Their Then There Therefore These They
    Third This Those Three Thus To Toxicity Treatment Trial Two Under Until Using We What When Where Whereas
    Whether Which While Who With Within Women Yet
""")
_LETTERED = _words("""
    amphotericin and arm arms category child class classes cohort cohorts factor grade grades group groups
    haemophilia hemophilia hepatitis influenza model or panel part period phase protocol regimen schedule
    score sequence serotype site stage stages step study subgroup subgroups subtype treatment trial type
    types vitamin vitamins
""")


def split_sentences(text: str, sections: Sequence[Section]) -> list[Sentence]:
    """Split a field's text into sentences, in order, with exact offsets."""
    return [sentence for section in sections for sentence in _iter_section(text, section.start, section.end)]


def _iter_section(text: str, start: int, end: int) -> Iterator[Sentence]:
    while start < end and text[start].isspace():
        start += 1
    for match in _CANDIDATE.finditer(text, start, end):
        following = match.end()
        if following >= end:
            break
        if text[match.start()] == "\n" or _is_end(text, start, match.start(), following):
            yield _stripped(text, start, match.end())
            start = following
    if start < end:
        yield _stripped(text, start, end)


def _stripped(text: str, start: int, end: int) -> Sentence:
    while text[end - 1].isspace():
        end -= 1
    return Sentence(start, end)


def _is_end(text: str, start: int, mark: int, following: int) -> bool:
    """Whether a sentence from ``start`` ends at ``mark``, where the next would begin at ``following``."""
    first = following
    while text[first] in _OPENERS and first + 1 < len(text):
        first += 1
    char = text[first]
    if char in _NEVER_FIRST or (char.islower() and not _NAME_START.match(text, first)):
        return False
    if text[mark] == "." and _continues(text, start, mark, first):
        return False
    return not _in_brackets(text, start, following)


def _continues(text: str, start: int, mark: int, first: int) -> bool:
    """Whether the point at ``mark`` belongs to an abbreviation, a number or a list mark."""
    floor = max(start, mark - _LONGEST_WORD)
    begin = max(text.rfind(" ", floor, mark), text.rfind("\n", floor, mark), floor - 1) + 1
    word = text[begin:mark].lstrip(_OPENERS)
    if word in _NEVER_LAST:
        return True
    if word in _BEFORE_NUMBERS and _NUMBERED.match(text, first):
        return True
    digit = text[first].isdigit()
    if digit and _TORN_NUMBER.fullmatch(word):
        return True
    if word in _RARELY_LAST:
        return _next_word(text, first) not in _STARTERS
    if len(word) <= 2 and _LIST_MARK.fullmatch(word):
        return _is_mark(text, start, begin, word, first)
    if "." in word and _INNER_POINTS.fullmatch(word):
        return digit or (not word.islower() and _next_word(text, first) not in _STARTERS)
    return False


def _is_mark(text: str, start: int, begin: int, word: str, first: int) -> bool:
    """Whether a short number or a letter before a point is a list mark or an initial."""
    if begin == start or text[max(begin - 2, start) : begin].rstrip().endswith((":", ";")):
        return True
    if not word.isupper():
        return False
    if _INITIAL.match(text, first):
        return True
    before = text[max(start, begin - _LONGEST_WORD) : begin].split()
    lettered = bool(before) and (before[-1].lower() in _LETTERED or before[-1][-1].isdigit())
    return not lettered and _next_word(text, first) not in _STARTERS


def _next_word(text: str, first: int) -> str:
    match = _WORD.match(text, first)
    return match[0] if match else ""


def _in_brackets(text: str, start: int, place: int) -> bool:
    floor = max(start, place - _BRACKET_REACH)
    if text.rfind("(", floor, place) <= text.rfind(")", floor, place):
        return False
    closing = text.find(")", place, place + _BRACKET_REACH)
    return closing >= 0 and text.find("(", place, closing) < 0
