"""Responsible for the code of the manual's pages: which blocks there are, and running them in a folder.

A page is run from top to bottom in a folder that looks like the repository: shell blocks by bash with
``extract`` on the path, Python blocks in one namespace. What would take long is replaced by something small
(:data:`SUBSTITUTES`); what cannot run anywhere else is left out, and :data:`LEFT_OUT` says why.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

REPOSITORY = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^```(?P<kind>sh|python)\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)

LEFT_OUT = {
    r"^(pip install|python3 -m venv)": "installs packages; .ci/run does it",
    r"(^|\s)pytest$": "is this very test suite",
    r"^(sudo|systemctl|kubectl|sbatch|ssh|docker|podman) ": "needs a machine with that service",
    r"\.\./shared/data|sample_text\.py|--sample-text": "needs data that is not in the repository",
    r"benchmarks[/.]|-m tests\.": "measures for minutes",
    r"--vocab-size 16000|--from dense .*--to pruned25-int8$": "makes the embedded model, as others are",
    r"extract cluster (start|describe)|--scheduler|--cluster ": "needs a cluster",
    r"extract models gate |--gate-text": "needs much unlabelled text",
    r"label-studio start": "starts a server",
    r"^extract .*(s3|gs|https)://": "needs a store or a website",
}
"""Pattern of a line that is not run, and why. Its calls of ``extract`` still have to exist."""

SUBSTITUTES = {
    "/srv/": "srv/",  # the folder that the service reads and writes
    "--base minilm": "--base tiny-base",  # a base that trains in seconds
}
"""What is replaced in shell lines before they are run."""

N_CITATIONS = 25
"""Of the sample corpus, in the folder that pages run in."""
N_ANNOTATED = 40
"""Of the invented annotated sentences."""


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    kind: str
    """``sh`` or ``python``."""
    code: str
    line: int
    """Where it begins in its page, from 1."""


def read_blocks(page: Path) -> list[Block]:
    """The shell and Python blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(match["kind"], match["code"], text.count("\n", 0, match.start("code")) + 1)
        for match in _FENCE.finditer(text)
    ]


def reason_of(line: str) -> str | None:
    """Why a shell line is not run; None where it is."""
    return next((reason for pattern, reason in LEFT_OUT.items() if re.search(pattern, line)), None)


def plan_shell(code: str) -> tuple[str, list[str]]:
    """A shell block as it is run, and the lines of it that are not."""
    kept, left_out = [], []
    for line in re.sub(r"\s*\\\n\s*", " ", code).splitlines():
        parts = []
        for part in line.split(" && "):
            (left_out if reason_of(part.strip()) else parts).append(part)
        text = " && ".join(parts)
        for old, new in SUBSTITUTES.items():
            text = text.replace(old, new)
        kept.append(text)
    return "\n".join(kept) + "\n", left_out


def iter_extract_calls(line: str) -> Iterator[list[str]]:
    """The words of every call of ``extract`` in a shell line."""
    words = shlex.split(line, comments=True)
    while "extract" in words:
        call = words[words.index("extract") + 1 :]
        ends = ("&&", "||", "|", ";", ">", "2>", "<", "--")
        end = next((index for index, word in enumerate(call) if word in ends), len(call))
        yield call[:end]
        words = call[end:]


def make_folder(folder: Path, base: Path) -> None:
    """A folder that looks like the repository to the commands of a page, with little in it.

    :param base: a checkpoint to train from in place of the real one.
    """
    tools = folder / "bin"
    tools.mkdir(parents=True)
    # Under its own name, as installed: shell completion goes by it.
    _write_tool(
        tools / "extract",
        f"#!{sys.executable}\nfrom jobs.cli import main\n\nif __name__ == '__main__':\n    main()\n",
    )
    _write_tool(tools / "python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    sample = folder / "examples" / "sample"
    sample.mkdir(parents=True)
    source = REPOSITORY / "examples" / "sample"
    _write_head(source / "sample26n0001.xml", sample / "sample26n0001.xml")
    endpoints = folder / "examples" / "endpoints"
    endpoints.mkdir()
    source = REPOSITORY / "examples" / "endpoints"
    for file in source.glob("*.json"):
        shutil.copy(file, endpoints)
    for file in source.glob("*.jsonl"):
        lines = file.read_text("utf-8").splitlines(True)
        (endpoints / file.name).write_text("".join(lines[:N_ANNOTATED]), "utf-8")
    shutil.copytree(sample, folder / "srv" / "medline")
    shutil.copytree(base, folder / "tiny-base")
    (folder / "abstract.txt").write_text("Median OS was 14.1 months (95% CI 11.2-17.8).\n", "utf-8")


def _write_tool(path: Path, script: str) -> None:
    path.write_text(script, "utf-8")
    path.chmod(0o755)


def _write_head(source: Path, target: Path) -> None:
    """The first citations of a MEDLINE file."""
    tree = etree.parse(source)
    for citation in tree.getroot().findall("PubmedArticle")[N_CITATIONS:]:
        tree.getroot().remove(citation)
    tree.write(target, encoding="utf-8", xml_declaration=True)


def run_page(page: Path, folder: Path) -> list[str]:
    """Run the blocks of a page in a folder, which must be the current one; what was left out.

    :raises AssertionError: a block failed; the error shows its place, its code and what it wrote.
    """
    left_out: list[str] = []
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in read_blocks(page):
        if block.kind == "python":
            exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), names)
            continue
        code, lines = plan_shell(block.code)
        left_out += lines
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (
            f"{page}:{block.line}\n{code}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return left_out


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(REPOSITORY),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
