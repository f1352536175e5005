"""The table of faults in the docs names tests that exist, and leaves out none of the 39 faults."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    line
    for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_all_faults_are_there_in_order() -> None:
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 40))


def test_every_named_test_exists() -> None:
    for row in ROWS:
        path = ""
        named = re.findall(r"`([a-z_/]*(?:\.py)?)(?:::(test_\w+)[^`]*)?`", row.split("|")[4])
        named = [(file, test) for file, test in named if file.endswith(".py") or test]
        assert named, row
        for file, test in named:
            path = file or path
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8") or not test, (path, test)
