"""Every command of the manual runs, in the order of its page, with small things in place of large ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from jobs.cli import main
from tests.manual import (
    LEFT_OUT,
    REPOSITORY,
    iter_extract_calls,
    make_folder,
    plan_shell,
    read_blocks,
    reason_of,
    run_page,
)

pytest.importorskip("torch", reason="the manual trains models, which needs the extra packages of [compress]")
PAGES = [
    page
    for page in [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    # commands.md holds the examples of each command's help, on inputs that are nowhere.
    if page.name != "commands.md" and read_blocks(page)
]
SLOW = {
    "comparing.md": "trains once, builds twice and measures three times; own-model.md trains and builds too",
    "planning.md": "measures this machine three times",
}
"""Pages that are run by ``pytest -m slow`` only, and why; tests/test_docs.py checks their calls always."""
MAKES_OUT = ("README.md", "own-model.md", "planning.md")
"""Pages that make the output ``out`` themselves."""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pages run in, with the output ``out`` of the first command that a reader types."""
    from compress.checkpoint import write_checkpoint
    from tests.compress.conftest import build_config, build_model, build_tokenizer

    base = tmp_path_factory.mktemp("base")
    write_checkpoint(base, build_model(build_config(max_positions=256)), build_tokenizer())
    folder = tmp_path_factory.mktemp("manual") / "repository"
    make_folder(folder, base)
    words = ["run", "examples/sample", "--out", "out"]
    subprocess.run([folder / "bin" / "extract", *words], cwd=folder, env=_environment(), check=True)
    return folder


def _environment() -> dict[str, str]:
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}


@pytest.mark.timeout(900)  # of seconds where nothing else runs
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name in SLOW)) for page in PAGES],
)
def test_page_runs_from_top_to_bottom(
    page: Path, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(template, folder, symlinks=True)
    if page.name in MAKES_OUT:
        shutil.rmtree(folder / "out")
    monkeypatch.chdir(folder)
    left_out = run_page(page, folder)
    for call in (call for line in left_out for call in iter_extract_calls(line)):
        assert CliRunner().invoke(main, [*command_of(call), "--help"]).exit_code == 0, call


def command_of(call: list[str]) -> list[str]:
    """The words of a call that name its command."""
    n_words = 2 if call[0] in ("models", "cluster") else 1
    return call[:n_words]


def test_only_what_has_a_reason_is_left_out() -> None:
    code, left_out = plan_shell("pip install . && extract run in \\\n  --out out\nkubectl apply -f x\n")
    assert code == "extract run in --out out\n\n"
    assert left_out == ["pip install .", "kubectl apply -f x"]
    assert reason_of("extract run examples/sample --out out") is None
    assert all(LEFT_OUT.values())


def test_a_block_that_fails_is_told_with_its_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```sh\ntrue\n```\n\n```sh\necho so >&2; exit 3\n```\n", "utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:8\n(.|\n)*so"):
        run_page(page, tmp_path)


def test_most_blocks_are_run() -> None:
    """A pattern that leaves out too much would make the test above a formality."""
    calls = [
        (call, reason_of(line))
        for page in PAGES
        for block in read_blocks(page)
        if block.kind == "sh"
        for line in block.code.replace("\\\n", " ").splitlines()
        for call in iter_extract_calls(line)
    ]
    run = [call for call, reason in calls if reason is None]
    assert len(run) > 0.6 * len(calls)
