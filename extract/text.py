r"""Responsible for the rule by which markup becomes the text that all offsets refer to.

The rule has a version, :data:`TEXT_RULE_VERSION`; any change that can alter a text raises it. It is
pure: equal markup gives equal text, everywhere. Version 1, for a title and for one abstract section:

1. **Characters stay.** All character data is taken in document order. Comments and processing
   instructions give nothing. No Unicode normalisation, no case folding, no removed brackets.
2. **Plain markup vanishes.** ``<i>``, ``<b>``, ``<u>`` and every element not named below give their
   content, with no space added and none taken: ``<i>KRAS</i> mutations`` is ``KRAS mutations``.
3. **Blocks are words.** ``<DispFormula>``, ``<br>``, ``<p>`` and ``<li>`` get a space before and after.
4. **Superscripts** are written ``^x``, so that 10<sup>9</sup>/L is ``10^9/L`` and m<sup>2</sup> is ``m^2``,
   or ``^(x)`` where ``x`` is more than one word or number with an optional sign, or where a letter or
   digit follows directly. They are simply joined to what precedes (``CD8<sup>+</sup>`` is ``CD8+``) when they

   a. hold no letter and no digit (``+``, ``®``, ``*``);
   b. follow white space, ``(``, ``[``, ``{``, ``/`` or nothing, or are 1 to 3 digits (and perhaps ``m``)
      between a non-word character and a capital: nuclides such as ``[18F]FDG``, ``anti-125I``;
   c. are ``st``, ``nd``, ``rd`` or ``th`` after a digit: ``30th``;
   d. are a charge, one digit and a sign, after a letter, ``)`` or ``]``: ``Ca2+``.

   Where joining under (b), (c), (d) would put two digits together, ``^(x)`` is written after all.
5. **Subscripts** are joined: H<sub>2</sub>O is ``H2O``, HbA<sub>1c</sub> is ``HbA1c``. Where a digit would
   meet a digit (or a decimal point before it), ``_x`` is written, and ``_(x)`` where a letter or digit
   follows.
6. **MathML** is read as one line: tokens without white space, ``msup`` and ``msub`` (and over and under) as
   superscript and subscript by 4 and 5, a fraction as ``a/b`` with brackets round parts of more than
   one token, roots as ``√``. ``annotation`` elements repeat the formula and are left out.
7. **White space** in or around a script's content stays outside the mark. At last every run of Unicode
   white space (no-break and thin spaces too) becomes one space, and none stays at the ends.

An abstract is its sections' texts, each by this rule, empty ones left out, joined by
:data:`SECTION_SEPARATOR` (a line feed, which cannot occur in a section). Section labels are not part
of the text. Texts from JSON Lines and Parquet are taken exactly as they are given, so that offsets
fit the user's own strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from extract import reasons
from extract.errors import SourceError
from extract.records import Field, Section
from extract.xmlstream import local_name

TEXT_RULE_VERSION = 1
SECTION_SEPARATOR = "\n"

# Control characters cannot occur in XML 1.0, so they can stand for markup until it is resolved.
_SUP, _END_SUP, _SUB, _END_SUB = "\x01", "\x02", "\x03", "\x04"
_SCRIPTS = {"sup": (_SUP, _END_SUP), "sub": (_SUB, _END_SUB)}
_BLOCKS = frozenset({"DispFormula", "br", "p", "li"})
_INNERMOST = re.compile(f"([{_SUP}{_SUB}])([^{_SUP}-{_END_SUB}]*)[{_END_SUP}{_END_SUB}]")

_SIMPLE = re.compile(r"[-+−–±]?[^\W_]+(?:[.,·][^\W_]+)*")
_NUCLIDE = re.compile(r"[0-9]{1,3}m?")
_CHARGE = re.compile(r"[0-9][-+−–]")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})

_MATH_TOKENS = frozenset({"mi", "mn", "mo", "mtext", "ms"})
_MATH_SUPERS = frozenset({"msup", "mover"})
_MATH_SUBS = frozenset({"msub", "munder"})
_MATH_BOTH = frozenset({"msubsup", "munderover"})
_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))
"""MathML's invisible operators (function application, times, separator, plus)."""


def text_of(element: etree._Element) -> str:
    """Give the text of a title or section element, by the rule above."""
    if len(element) == 0:
        return squeeze(element.text or "")
    return squeeze(_resolve_scripts("".join(_iter_marked(element))))


def squeeze(text: str) -> str:
    """Make each run of white space one space, and leave none at the ends."""
    return " ".join(text.split())


def join_sections(name: str, parts: Iterable[tuple[str, str]]) -> Field | None:
    """Build a field of (label, text) parts. None where all of them are empty."""
    texts: list[str] = []
    sections: list[Section] = []
    start = 0
    for label, text in parts:
        if not text:
            continue
        texts.append(text)
        sections.append(Section(label, start, start + len(text)))
        start += len(text) + len(SECTION_SEPARATOR)
    return Field(name, SECTION_SEPARATOR.join(texts), tuple(sections)) if texts else None


def _iter_marked(element: etree._Element) -> Iterator[str]:
    """Yield the character data of an element, with control characters where scripts begin and end."""
    if element.text:
        yield element.text
    for child in element:
        if not isinstance(child.tag, str):
            raise SourceError(reasons.XML_ENTITIES_FORBIDDEN, got=f"entity {child.text!r} in a text")
        name = local_name(child)
        if name == "math":
            yield _math_line(child)
        elif name in _SCRIPTS:
            opening, closing = _SCRIPTS[name]
            yield opening
            yield from _iter_marked(child)
            yield closing
        elif name in _BLOCKS:
            yield " "
            yield from _iter_marked(child)
            yield " "
        else:
            yield from _iter_marked(child)
        if child.tail:
            yield child.tail


def _resolve_scripts(marked: str) -> str:
    """Replace control characters by ``^`` and ``_`` where the rule wants them, innermost first."""
    while _SUP in marked or _SUB in marked:
        marked = _INNERMOST.sub(_write_script, marked)
    return marked


def _write_script(match: re.Match[str]) -> str:
    content = match[2]
    body = content.strip()
    if not body:
        return content
    before, after = content.split(body[0], 1)[0], content[len(content.rstrip()) :]
    base = " " if before else _base_of(match.string, match.start())
    following = " " if after else match.string[match.end() : match.end() + 1]
    if match[1] == _SUP:
        mark = "" if _joins_as_superscript(base, body, following) else "^"
    else:
        mark = "" if _joins_as_subscript(base, body, following) else "_"
    if mark and (following.isalnum() or not _SIMPLE.fullmatch(body)):
        body = f"({body})"
    return before + mark + body + after


def _base_of(marked: str, start: int) -> str:
    """The character a script stands on; a space where it stands on nothing."""
    start -= 1
    while start >= 0 and marked[start] in (_END_SUP, _END_SUB):
        start -= 1
    return marked[start] if start >= 0 and marked[start] not in (_SUP, _SUB) else " "


def _joins_as_superscript(base: str, body: str, following: str) -> bool:
    if not any(map(str.isalnum, body)):
        return True
    if (body[-1].isdigit() and following.isdigit()) or (body[0].isdigit() and base.isdigit()):
        return False
    nuclide = not base.isalnum() and following.isupper() and _NUCLIDE.fullmatch(body)
    ordinal = base.isdigit() and body in _ORDINALS
    charge = (base.isalpha() or base in ")]") and _CHARGE.fullmatch(body)
    return base.isspace() or base in "([{/" or bool(nuclide or ordinal or charge)


def _joins_as_subscript(base: str, body: str, following: str) -> bool:
    meets_before = body[0].isdigit() and (base.isdigit() or base in ".,·")
    return not meets_before and not (body[-1].isdigit() and following.isdigit())


def _math_line(node: etree._Element) -> str:
    """Write a MathML element as one line, its scripts still as control characters."""
    name = local_name(node)
    if name in _MATH_TOKENS:
        return squeeze("".join(_iter_marked(node))).translate(_INVISIBLE)
    parts = [_math_line(child) for child in node if not local_name(child).startswith("annotation")]
    if name in _MATH_SUPERS and len(parts) == 2:
        return f"{parts[0]}{_SUP}{parts[1]}{_END_SUP}"
    if name in _MATH_SUBS and len(parts) == 2:
        return f"{parts[0]}{_SUB}{parts[1]}{_END_SUB}"
    if name in _MATH_BOTH and len(parts) == 3:
        return f"{parts[0]}{_SUB}{parts[1]}{_END_SUB}{_SUP}{parts[2]}{_END_SUP}"
    if name == "mfrac" and len(parts) == 2:
        return f"{_bracketed(parts[0])}/{_bracketed(parts[1])}"
    if name == "mroot" and len(parts) == 2:
        return f"{_SUP}{parts[1]}{_END_SUP}√{_bracketed(parts[0])}"
    line = "".join(parts)
    return f"√{_bracketed(line)}" if name == "msqrt" else line


def _bracketed(line: str) -> str:
    return line if _SIMPLE.fullmatch(line) else f"({line})"
