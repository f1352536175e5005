"""Shell completion: what the three shells are given, and what they are told at a Tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the command under its own name, by which completion goes."""
    folder = tmp_path_factory.mktemp("bin")
    tool = folder / "extract"
    guard = "if __name__ == '__main__':\n    main()\n"
    tool.write_text(f"#!{sys.executable}\nfrom jobs.cli import main\n\n{guard}", "utf-8")
    tool.chmod(0o755)
    return folder


def ask(tools: Path, *command: str, **variables: str) -> str:
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def told(tools: Path, shell: str, words: str) -> set[str]:
    """What a shell is told when Tab is pressed behind ``words``."""
    parts = words.split(" ")
    variables = {"_EXTRACT_COMPLETE": f"{shell}_complete", "COMP_WORDS": words}
    variables["COMP_CWORD"] = parts[-1] if shell == "fish" else str(len(parts) - 1)
    lines = ask(tools, "extract", **variables).split("\n")
    if shell == "zsh":  # kind, value, help: three lines each
        return set(lines[1::3])
    # fish separates the value from its help by a tab, bash has no help
    return {line.partition(",")[2].partition("\t")[0] for line in lines if "," in line}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(tools: Path, shell: str) -> None:
    script = ask(tools, "extract", _EXTRACT_COMPLETE=f"{shell}_source")
    assert "_EXTRACT_COMPLETE" in script
    assert f"{shell}_complete" in script


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("extract mo", {"models"}),
        ("extract models ver", {"verify"}),
        ("extract export out --form", {"--format"}),
        ("extract export out --format ", {"pubtator", "bioc-json", "jsonl", "csv", "label-studio"}),
    ],
)
def test_commands_options_and_values_are_completed(
    tools: Path, shell: str, words: str, expected: set[str]
) -> None:
    assert expected <= told(tools, shell, words)


def test_bash_completes_what_is_typed(tools: Path) -> None:
    """The whole way: the script of the manual, and bash itself asking it."""
    script = """
        eval "$(_EXTRACT_COMPLETE=bash_source extract)"
        complete -p extract
        COMP_WORDS=(extract models sh) COMP_CWORD=2
        _extract_completion extract sh models
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    lines = ask(tools, "bash", "-c", script).splitlines()
    assert "-F _extract_completion extract" in lines[0]
    assert lines[1:] == ["show"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_script_is_good_syntax(tools: Path, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}, which is not installed here")
    script = tmp_path / f"extract.{shell}"
    script.write_text(ask(tools, "extract", _EXTRACT_COMPLETE=f"{shell}_source"), "utf-8")
    assert subprocess.run([shell, "-n", script], check=False).returncode == 0


def test_completion_loads_nothing_large(tools: Path) -> None:
    code = (
        "import sys\nfrom jobs.cli import main\n"
        "try:\n    main(prog_name='extract')\nexcept SystemExit:\n    pass\n"
        "large = {'pyarrow', 'onnxruntime', 'numpy', 'distributed', 'torch'} & set(sys.modules)\n"
        "print(*sorted(large), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "_EXTRACT_COMPLETE": "bash_complete",
            "COMP_WORDS": "extract export out --format ",
            "COMP_CWORD": "4",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bioc-json" in done.stdout
    assert done.stderr.strip() == ""
