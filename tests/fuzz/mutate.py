"""Responsible for damage: small changes to a file, from single bits to whole elements.

Every mutation takes the bytes of a file and dice, and gives bytes. The same dice give the same file.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable

from tests.fuzz.seeds import BOOK, DELETION

Mutation = Callable[[bytes, random.Random], bytes]

_TOKEN = re.compile(rb"<[^>]*>|[^<]+")
_PAIR = re.compile(rb"<([A-Za-z:]+)(?:\s[^>]*)?>[^<]*</\1\s*>")
_TEXT = re.compile(rb"(?<=>)[^<>]*[^<>\s][^<>]*(?=<)")
_UNIT = re.compile(
    rb"<(PubmedArticle|MedlineCitation|PubmedBookArticle|DeleteCitation)[\s>].*?</\1>", re.DOTALL
)
_START_TAG = re.compile(rb"<[A-Za-z:]+(?=[\s/>])")
_PMID = re.compile(rb"<PMID[^>]*>[^<]*</PMID>")
_NAMES = (
    b"PubmedArticle", b"MedlineCitation", b"DeleteCitation", b"PubmedBookArticle", b"BookDocument", b"PMID",
    b"Article", b"Abstract", b"AbstractText", b"ArticleTitle", b"sup", b"sub", b"i", b"br", b"p", b"math",
    b"mml:math", b"mi", b"Unknown", b"PubmedArticleSet", b"MedlineCitationSet", b"DescriptorName",
)  # fmt: skip
_SNIPPETS = (
    b"]]>", b"<![CDATA[", b"<![CDATA[<PubmedArticle>]]>", b"<!--", b"-->", b"<!-- <PubmedArticle> -->",
    b"--", b"<?x", b"?>", b"<?x <PMID>1</PMID> ?>", b"&amp;", b"&lt;", b"&#0;", b"&#1;", b"&#x1F600;",
    b"&#xD800;", b"&#13;", b"&#10;", b"&#x2028;", b"&e;", b"&thinsp;", b"&", b"<", b">", b'"', b"'", b"/",
    b"\0", b"\x01", b"\x04", b"\r", b"\x85", b"\xc2\x85", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xef\xbb\xbf",
    b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xef\xbf\xbf", b"\xf0\x9f\x98\x80",
    b"e\xcc\x81", b"<PubmedArticle>", b"</PubmedArticle>", b"</PubmedArticle><PubmedArticle>",
    b"<PubmedArticle/>", b"<DeleteCitation/>", b"<PMID/>", b"</PubmedArticleSet>", b"<sup>2</sup>",
    b"<sub/>", b"<i> </i>", b' xmlns="urn:x"', b' xmlns:x="urn:x"', b' Version="3"', b' Version="1"',
    b"<br/>", b"{", b"PMID- 1\n",
)  # fmt: skip
_PMIDS = (
    b"", b"0", b"007", b"1", b"123456789", b"1234567890", b"-1", b"1.0", b"1e3", b" 12 ", b"\n12\n", b"1 2",
    b"\xd9\xa3", b"\xc2\xa012", b"12/../../x", b"&#49;2", b"1<!-- -->2", b"1<![CDATA[2]]>3", b"1<i>2</i>3",
    b"<i>12</i>", b"1<?x?>2", b"+5", b"0x1f", b"12&amp;", b"1_000",
)  # fmt: skip
_VERSIONS = (
    b"", b"0", b"2", b"32767", b"32768", b"99999", b"1.5", b"x", b" 2 ", b"\n2", b"&#50;", b"-1", b"02",
    b"\xd9\xa2",
)  # fmt: skip
_ENTITIES = (
    b'<!ENTITY e "x">', b'<!ENTITY e SYSTEM "file:///etc/hostname">', b'<!ENTITY % e "x">', b"",
    b'<!ENTITY % e SYSTEM "x.dtd"> %e;', b'<!ENTITY a "aa"><!ENTITY e "&a;&a;">', b"<!ELEMENT PMID ANY>",
    b'<!ATTLIST PMID Version CDATA "7">', b"<!ATTLIST PMID Version NMTOKEN #IMPLIED>",
    b"<!-- <PubmedArticle> -->", b'<!ATTLIST AbstractText Label CDATA "D">', b"<?x?>",
    b'<!NOTATION n SYSTEM "n">', b"<!ELEMENT PMID (#PCDATA)>",
    b'<!ATTLIST PubmedArticleSet xmlns CDATA #FIXED "urn:x">', b"<!ENTITY amp '&#38;#38;'>",
)  # fmt: skip


def flip_bit(data: bytes, dice: random.Random) -> bytes:
    if not data:  # all of it was cut before
        return data
    at = _somewhere(data, dice)
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def set_bytes(data: bytes, dice: random.Random) -> bytes:
    at, n = _somewhere(data, dice), dice.randint(1, 4)
    return data[:at] + dice.randbytes(n) + data[at + n :]


def delete_bytes(data: bytes, dice: random.Random) -> bytes:
    at = _somewhere(data, dice)
    return data[:at] + data[at + _length(dice) :]


def insert_bytes(data: bytes, dice: random.Random) -> bytes:
    at = _somewhere(data, dice)
    return data[:at] + dice.randbytes(dice.randint(1, 4)) + data[at:]


def insert_snippet(data: bytes, dice: random.Random) -> bytes:
    at = _somewhere(data, dice)
    return data[:at] + dice.choice(_SNIPPETS) + data[at:]


def repeat_bytes(data: bytes, dice: random.Random) -> bytes:
    at, to = _somewhere(data, dice), _somewhere(data, dice)
    return data[:to] + data[at : at + _length(dice)] + data[to:]


def truncate(data: bytes, dice: random.Random) -> bytes:
    return data[: _somewhere(data, dice)]


def delete_token(data: bytes, dice: random.Random) -> bytes:
    start, end = _token(data, dice)
    return data[:start] + data[end:]


def repeat_token(data: bytes, dice: random.Random) -> bytes:
    start, end = _token(data, dice)
    return data[:end] + data[start:end] + data[end:]


def swap_tokens(data: bytes, dice: random.Random) -> bytes:
    (a, b), (c, d) = sorted((_token(data, dice), _token(data, dice)))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def replace_token(data: bytes, dice: random.Random) -> bytes:
    start, end = _token(data, dice)
    other = _token(data, dice)
    return data[:start] + data[slice(*other)] + data[end:]


def delete_pair(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_PAIR, data, dice)
    return data[:start] + data[end:]


def repeat_pair(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_PAIR, data, dice)
    to = end if dice.random() < 0.5 else _match(_PAIR, data, dice)[0]
    return data[:to] + data[start:end] + data[to:]


def wrap_element(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(dice.choice((_PAIR, _UNIT, _TEXT)), data, dice)
    name = dice.choice(_NAMES)
    return data[:start] + b"<%s>" % name + data[start:end] + b"</%s>" % name + data[end:]


def unwrap_element(data: bytes, dice: random.Random) -> bytes:
    """Take away one start tag and the next end tag of its name."""
    start, end = _match(_START_TAG, data, dice)
    closing = b"</%s>" % data[start + 1 : end]
    close, after = data.find(closing, end), data.find(b">", end) + 1
    return data if close < after else data[:start] + data[after:close] + data[close + len(closing) :]


def rename_element(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_START_TAG, data, dice)
    old, new = data[start + 1 : end], dice.choice(_NAMES)
    close = data.find(b"</%s>" % old, end)
    if close < 0:
        return data
    return data[: start + 1] + new + data[end : close + 2] + new + data[close + 2 + len(old) :]


def merge_units(data: bytes, dice: random.Random) -> bytes:
    """Take away the border between two records."""
    start, _ = _match(re.compile(rb"</(PubmedArticle|MedlineCitation|Article|Abstract)>"), data, dice)
    close = data.find(b">", start) + 1
    opening = data.find(b"<" + data[start + 2 : close - 1], close)
    return data if opening < 0 else data[:start] + data[close:opening] + data[data.find(b">", opening) + 1 :]


def repeat_unit(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_UNIT, data, dice)
    return data[:end] + data[start:end] + data[end:]


def nest_unit(data: bytes, dice: random.Random) -> bytes:
    (start, end), (to, _) = _match(_UNIT, data, dice), _match(_START_TAG, data, dice)
    return data[:to] + data[start:end] + data[to:]


def add_unit(data: bytes, dice: random.Random) -> bytes:
    to, _ = _match(_UNIT, data, dice)
    return data[:to] + dice.choice((BOOK, DELETION, b"<DeleteCitation/>", b"<PubmedArticle/>")) + data[to:]


def set_pmid(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_PMID, data, dice)
    version = b"" if dice.random() < 0.3 else b' Version="%s"' % dice.choice((b"1", *_VERSIONS))
    return data[:start] + b"<PMID%s>%s</PMID>" % (version, dice.choice(_PMIDS)) + data[end:]


def set_text(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_TEXT, data, dice)
    return data[:start] + dice.choice((b"", b" ", b"\n", *_SNIPPETS)) * dice.randint(1, 3) + data[end:]


def mark_text(data: bytes, dice: random.Random) -> bytes:
    """Put part of a text into an element, a comment, CDATA or a processing instruction."""
    start, end = _match(_TEXT, data, dice)
    left, right = sorted((dice.randint(start, end), dice.randint(start, end)))
    before, after = dice.choice(
        (
            *((b"<%s>" % name, b"</%s>" % name) for name in (b"i", b"sup", b"sub", b"br", b"DispFormula")),
            (b"<![CDATA[", b"]]>"),
            (b"<!--", b"-->"),
            (b"<?x ", b"?>"),
            (b"<mml:math xmlns:mml='urn:m'><mml:mi>", b"</mml:mi></mml:math>"),
        )
    )
    return data[:left] + before + data[left:right] + after + data[right:]


def escape_text(data: bytes, dice: random.Random) -> bytes:
    """Write a text as character references."""
    start, end = _match(_TEXT, data, dice)
    end = min(end, start + 40)
    return data[:start] + b"".join(b"&#x%X;" % byte for byte in data[start:end]) + data[end:]


def add_attribute(data: bytes, dice: random.Random) -> bytes:
    _, end = _match(_START_TAG, data, dice)
    value = dice.choice(
        (b"x", b"&lt;PubmedArticle>", b"a\n b", b"&#10;", b">", b"'", b"x" * 3000, b"</PubmedArticle>")
    )
    name = dice.choice((b"Version", b"Label", b"a", b"xmlns", b"xmlns:m", b"xml:space", b"NlmCategory"))
    return data[:end] + b' %s="%s"' % (name, value) + data[end:]


def respace_tag(data: bytes, dice: random.Random) -> bytes:
    """White space where XML allows it, and where it does not."""
    start, end = _match(re.compile(rb"</?[A-Za-z:]+[^<>]*>"), data, dice)
    tag = data[start:end]
    space = dice.choice((b" ", b"\n", b"\t", b"\r\n"))
    to = dice.choice((tag.find(b" "), len(tag) - 1, 1, len(tag)))
    return data[:start] + tag[: max(to, 0)] + space + tag[max(to, 0) :] + data[end:]


def nest_deeply(data: bytes, dice: random.Random) -> bytes:
    start, end = _match(_TEXT, data, dice)
    depth = dice.choice((5, 100, 240, 250, 300))
    name = dice.choice((b"i", b"sup", b"sub"))
    return data[:start] + b"<%s>" % name * depth + data[start:end] + b"</%s>" % name * depth + data[end:]


def fill_gap(data: bytes, dice: random.Random) -> bytes:
    """Comments and the like between records, before them and after the end."""
    at = (
        dice.choice([match.start() for match in _UNIT.finditer(data)] or [0])
        if dice.random() < 0.7
        else len(data)
    )
    filler = dice.choice(
        (
            b"<!-- x -->",
            b"<!-- <PubmedArticle> -->",
            b"<?x <PubmedArticle> ?>",
            b"text",
            b"<![CDATA[ ]]>",
            b"<Unknown/>",
            b"\n" * 300,
            b"<!--" + b"x" * 900 + b"-->",
        )
    )
    return data[:at] + filler + data[at:]


def declare(data: bytes, dice: random.Random) -> bytes:
    """An internal subset, with entities or defaults; sometimes used."""
    declared = dice.choice(_ENTITIES)
    root = b"MedlineCitationSet" if b"<MedlineCitationSet" in data else b"PubmedArticleSet"
    body = data[max(data.find(b"<" + root), 0) :]
    if dice.random() < 0.5:
        start, _ = _match(_TEXT, body, dice)
        body = body[:start] + b"&e;" + body[start:]
    return b"<!DOCTYPE %s [%s]>" % (root, declared) + body


def recode(data: bytes, dice: random.Random) -> bytes:
    """Another encoding, declared or not, truly or not."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    codec = dice.choice(
        (
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-8-sig",
            "latin-1",
            "ascii",
            "cp1252",
            "utf-32",
            "utf-7",
            "cp500",
        )
    )
    declared = dice.choice((codec, "utf-8", "UTF-16", "iso-8859-1", "nonsense", "us-ascii", "shift_jis", ""))
    if text.startswith("<?xml") and declared:
        text = f'<?xml version="1.0" encoding="{declared}"?>' + text[text.find("?>") + 2 :]
    return text.encode(codec, "xmlcharrefreplace" if dice.random() < 0.7 else "replace")


def change_lines(data: bytes, dice: random.Random) -> bytes:
    return data.replace(b"\n", dice.choice((b"\r\n", b"\r", b"", b"\n\n")))


def set_namespace(data: bytes, dice: random.Random) -> bytes:
    """Bind names: on the root, on one record, by a prefix."""
    place = re.compile(rb"<(?:PubmedArticleSet|MedlineCitationSet|PubmedArticle|MedlineCitation|PMID)")
    _, end = _match(place, data, dice)
    return data[:end] + dice.choice((b' xmlns="urn:x"', b" xmlns=''", b' xmlns:x="urn:x"')) + data[end:]


def splice(data: bytes, dice: random.Random) -> bytes:
    """Begin as one place and go on as another."""
    return data[: _somewhere(data, dice)] + data[_somewhere(data, dice) :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit, set_bytes, delete_bytes, insert_bytes, insert_snippet, insert_snippet, repeat_bytes, truncate,
    delete_token, repeat_token, swap_tokens, replace_token, delete_pair, repeat_pair, wrap_element,
    wrap_element, unwrap_element, rename_element, rename_element, merge_units, merge_units, repeat_unit,
    nest_unit, add_unit, set_pmid, set_pmid, set_text, mark_text, mark_text, escape_text, add_attribute,
    respace_tag, nest_deeply, fill_gap, fill_gap, declare, recode, change_lines, set_namespace, splice,
)  # fmt: skip


def damage_gzip(data: bytes, dice: random.Random) -> bytes:
    """A compressed stream that is cut, flipped, continued or made of several."""
    way = dice.randrange(6)
    if way == 0:
        return data[: -dice.randint(1, 12)]
    if way == 1:
        return truncate(data, dice)
    if way == 2:
        return data + dice.choice((b"x", b"\0" * 9, b"\x1f\x8b", b"<html>" * 5, data))
    if way == 3:
        return gzip.compress(b"", 1) + data + gzip.compress(b"", 1)
    return flip_bit(data, dice) if way == 4 else set_bytes(data, dice)


def mutate(data: bytes, dice: random.Random) -> bytes:
    """One to four changes, or none; sometimes compressed, and the compressed file damaged."""
    for _ in range(dice.choice((0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4))):
        data = dice.choice(MUTATIONS)(data, dice)
    if dice.random() < 0.12:
        data = gzip.compress(data, 1, mtime=0)
        if dice.random() < 0.5:
            data = damage_gzip(data, dice)
    return data


def _somewhere(data: bytes, dice: random.Random) -> int:
    """A place, more often than by chance near the beginning, where declarations are."""
    return dice.randrange(min(len(data), 400) if dice.random() < 0.15 else len(data)) if data else 0


def _length(dice: random.Random) -> int:
    return dice.choice((1, 1, 2, 3, 5, 8, 20, 60, 300, 2000))


def _token(data: bytes, dice: random.Random) -> tuple[int, int]:
    return _match(_TOKEN, data, dice)


def _match(pattern: re.Pattern[bytes], data: bytes, dice: random.Random) -> tuple[int, int]:
    """Where the pattern next matches from a random place on; an empty place where it does not."""
    match = pattern.search(data, _somewhere(data, dice)) or pattern.search(data)
    return match.span() if match else (0, 0)
