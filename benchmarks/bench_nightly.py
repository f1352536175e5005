"""What a night costs when nearly nothing is new: `extract run` over citations that the output knows already.

    python benchmarks/bench_nightly.py FOLDER --from MEDLINE.xml.gz... [--citations 100000] [--workers 2]
                                       [--no-gate] [--steps corpus first again update revised resume]

FOLDER gets the corpus (make_corpus.py) and the output, so that steps can be measured one at a time:

- corpus   write the files: the citations, a small update of new ones, and all citations sent again
           in files of later numbers, with another DateRevised and one more MeSH heading each;
- first    the first run over all citations;
- again    the same command with nothing new;
- update   the same files and the small update;
- revised  everything sent again: the text of no citation has changed;
- resume   the given MEDLINE files themselves, run once and then again five times.

Times are from the start of the program to its end. ``inferred`` is what went through the model.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench_job import EXTRACT, timed
from make_corpus import FIRST_PMID, PER_FILE, iter_citations, read_parts, write_corpus

from extract.commits import read_commits

STEPS = ("corpus", "first", "again", "update", "revised", "resume")
NEW = 1000
"""Citations of the small update."""
_REVISED = re.compile(rb"<DateRevised>.*?</DateRevised>", re.DOTALL)
_DATE = b"<DateRevised><Year>2026</Year><Month>11</Month><Day>21</Day></DateRevised>"
_HEADING = b'<MeshHeading><DescriptorName UI="D999999">Benchmarking</DescriptorName></MeshHeading>'


def make_files(folder: Path, inputs: list[str], n_citations: int) -> None:
    """Write the three parts of the corpus, each in a folder of its own."""
    parts = read_parts(inputs)
    n_files = -(-n_citations // PER_FILE)
    citations = iter_citations(parts, n_citations + NEW, seed=1)
    write_corpus(folder / "base", islice(citations, n_citations), n_citations, PER_FILE)
    write_corpus(folder / "update", citations, NEW, PER_FILE)
    write_corpus(
        folder / "revised", _revised(iter_citations(parts, n_citations, seed=1)), n_citations, PER_FILE
    )
    for name, first in (("update", n_files + 1), ("revised", n_files + 2)):
        files = sorted((folder / name).glob("*.gz"), reverse=True)
        for path in files:
            number = int(path.name[9:13]) - 1 + first
            path.rename(path.with_name(f"pubmed26n{number:04d}.xml.gz"))
        for sidecar in (folder / name).glob("*.md5"):
            sidecar.unlink()  # they name the old names


def _revised(citations: Iterator[bytes]) -> Iterator[bytes]:
    """The same citations with another date and one more MeSH heading."""
    for citation in citations:
        dated = _REVISED.sub(_DATE, citation)
        if b"</MeshHeadingList>" in dated:
            yield dated.replace(b"</MeshHeadingList>", _HEADING + b"</MeshHeadingList>")
        else:
            yield dated.replace(
                b"</MedlineCitation>",
                b"<MeshHeadingList>" + _HEADING + b"</MeshHeadingList></MedlineCitation>",
            )


def run_step(folder: Path, step: str, options: list[str]) -> dict[str, object]:
    """Run the job as the step asks, and tell what it took."""
    out = folder / "out"
    if step == "first":
        shutil.rmtree(out, ignore_errors=True)
    inputs = [str(folder / name) for name in ("base", "update", "revised")]
    n_inputs = {"first": 1, "again": 1, "update": 2, "revised": 3}[step]
    seconds, report = timed([*EXTRACT, "run", *inputs[:n_inputs], "--out", str(out), "--json", *options])
    commits = [c for c in read_commits(out).values() if c.run_id == report["run_id"]]
    stages: dict[str, float] = {}
    for commit in commits:
        for stage, spent in commit.stage_seconds.items():
            stages[stage] = round(stages.get(stage, 0.0) + spent, 2)
    return {
        "step": step,
        "citations": report["citations"],
        "carried over": report["carried_over"],
        "sentences inferred": sum(commit.computed.get("sentences", 0) for commit in commits),
        "seconds": round(seconds, 2),
        "cpu_seconds": report["cpu_seconds"],
        "stages": stages,
    }


def run_resume(folder: Path, inputs: list[str], options: list[str]) -> dict[str, object]:
    """Finish an output of the given files, then time the command that finds nothing to do."""
    out = folder / "resumed"
    shutil.rmtree(out, ignore_errors=True)
    command = [*EXTRACT, "run", *inputs, "--out", str(out), "--json", *options]
    _, first = timed(command)
    again = [timed(command)[0] for _ in range(5)]
    return {
        "step": "resume",
        "citations": first["citations"],
        "seconds": round(statistics.median(again), 2),
        "least to most": [round(min(again), 2), round(max(again), 2)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", dest="inputs", nargs="+", required=True)
    parser.add_argument("--citations", type=int, default=100_000)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--no-gate", action="store_true")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    given = parser.parse_args()
    options = ["--workers", given.workers, *(["--no-gate"] if given.no_gate else [])]
    for step in given.steps:
        if step == "corpus":
            make_files(given.folder, given.inputs, given.citations)
            told: dict[str, object] = {"step": step, "first PMID": FIRST_PMID}
        elif step == "resume":
            told = run_resume(given.folder, given.inputs, options)
        else:
            told = run_step(given.folder, step, options)
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
