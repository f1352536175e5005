"""Variant names say what was removed."""

from __future__ import annotations

import pytest

from extract.errors import UnknownModel
from extract.variants import parse_variant


@pytest.mark.parametrize(
    ("name", "macs_removed", "int8"),
    [
        ("dense", 0.0, False),
        ("int8", 0.0, True),
        ("ibert", 0.0, True),
        ("pruned25", 0.25, False),
        ("pruned5-int8", 0.05, True),
        ("pruned50-int8", 0.50, True),
    ],
)
def test_name_tells_share_and_integers(name: str, macs_removed: float, int8: bool) -> None:
    variant = parse_variant(name)
    assert (variant.name, variant.macs_removed, variant.int8) == (name, macs_removed, int8)
    assert variant.integer_only == (name == "ibert")


@pytest.mark.parametrize(
    "name", ["", "pruned", "pruned0", "pruned100", "pruned25int8", "dense-int8", "Int8", "int8 "]
)
def test_other_names_are_refused_with_an_example(name: str) -> None:
    with pytest.raises(UnknownModel, match="expected one like dense, int8, pruned25"):
        parse_variant(name)
