"""Responsible for words that a gate is given, besides those it learns."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from compress.errors import CompressError


@dataclass(frozen=True)
class GateWords:
    """What a person knows beforehand of a domain and of its entities. All strings are lower-case."""

    domain: tuple[str, ...] = ()
    """Beginnings of words of which a citation of the domain has at least one."""
    look_alikes: tuple[str, ...] = ()
    """Longer strings that hold one of those and do not count as it: ``tumor necrosis``."""
    stems: tuple[str, ...] = ()
    """Triggers of a sentence anywhere, inside words too."""
    words: tuple[str, ...] = ()
    """Triggers of a sentence as whole words."""


NO_WORDS = GateWords()


def read_words(path: Path) -> GateWords:
    """The words of a file: a JSON object with a list for each field of :class:`GateWords`, any may be absent.

    :raises CompressError: when it is no such file.
    """
    names = [field.name for field in fields(GateWords)]
    expected = f"a JSON object with lists of lower-case strings: {', '.join(names)}"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        lists = {str(name): tuple(map(_parse_word, words)) for name, words in data.items()}
        return GateWords(**lists)
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise CompressError("words cannot be read", str(path), str(exc), expected) from exc


def _parse_word(word: object) -> str:
    if not isinstance(word, str) or not word or word != word.lower():
        raise ValueError(f"word {word!r}")
    return word
