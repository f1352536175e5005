"""What other programs may import, and from where; docs/python-api.md is run by tests/test_manual.py."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python-api.md"
PACKAGES = ("extract", "cluster", "jobs")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there_and_in_order(name: str) -> None:
    package = importlib.import_module(name)
    assert list(package.__all__) == sorted(package.__all__)
    assert [public for public in package.__all__ if getattr(package, public, None) is None] == []


@pytest.mark.parametrize("name", ["extract", "jobs"])
def test_public_names_come_from_where_they_are_said_to(name: str) -> None:
    package = importlib.import_module(name)
    assert set(package._HOMES) == set(package.__all__)
    for public, home in package._HOMES.items():
        assert getattr(package, public) is getattr(importlib.import_module(home), public)
        # A module of that name would take the place of what is exported once it is imported.
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"{name}.{public}")


@pytest.mark.parametrize("name", ["extract", "jobs"])
def test_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="nonesuch"):
        importlib.import_module(name).nonesuch  # noqa: B018


@pytest.mark.parametrize("name", ["extract", "jobs"])
def test_importing_a_package_loads_nothing_large(name: str) -> None:
    code = f"import sys, {name}; print({{'pyarrow', 'onnxruntime', 'distributed'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PAGE.parents[1])
    assert done.stdout.strip() == "set()", done.stderr


def test_the_page_shows_what_other_programs_need() -> None:
    page = PAGE.read_text("utf-8")
    named = {name for package in ("extract", "jobs") for name in importlib.import_module(package).__all__}
    only_types = {"Mention", "Output", "RunReport", "TaggedText", "join_records"}
    assert [name for name in sorted(named - only_types) if name not in page] == []
