"""Responsible for numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``, ``3,608 files``: for nouns whose plural takes an s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
