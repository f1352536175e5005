"""Responsible for the files of the sample corpus: about 200 invented citations, the same bytes each time.

    python examples/make_sample.py              # writes examples/sample and examples/sample_entities.tsv
    python examples/make_sample.py --to FOLDER  # writes the same under FOLDER

``sample26n0001.xml`` plays a baseline file; ``sample26n0002.xml.gz`` plays an update: new citations, a
revised one, a second version of one, and an order to delete one. ``sample_entities.tsv`` holds
every endpoint value that the live citations report, as the forms were written to report them.
PMIDs run from 990000001, far above those in use; digital object identifiers have the test prefix 10.5555.
No sentence comes from the training data.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import hashlib
import sys
from pathlib import Path
from typing import Any

from sample_source.corpus import Corpus, Draft
from sample_source.dice import Dice
from sample_source.medline import render_set

HERE = Path(__file__).resolve().parent
SEED = 20261121
FIRST_PMID = 990_000_001
N_BASELINE = 150


def number(drafts: list[Draft]) -> list[Draft]:
    """Give each citation its PMID, in order."""
    return [change(draft, pmid=FIRST_PMID + i) for i, draft in enumerate(drafts)]


def change(draft: Draft, **fields: Any) -> Draft:
    """The same citation with other contents in some fields of its article."""
    return dataclasses.replace(draft, article=dataclasses.replace(draft.article, **fields))


def revise(draft: Draft) -> Draft:
    """The same citation after a correction of its abstract; it reports the same values."""
    *before, (label, text) = draft.article.sections
    return change(draft, sections=(*before, (label, f"{text} An error in the author list was corrected.")))


def write_sample(folder: Path) -> None:
    """Write the two files, the checksum of the second, and the list of what they report."""
    drafts = number(Corpus(Dice(SEED)).draw())
    baseline = drafts[:N_BASELINE]
    reporting = [draft for draft in baseline if draft.entities and draft.article.sections]
    revised, versioned, deleted = reporting[3], reporting[8], reporting[13]
    update = [revise(revised), change(revise(versioned), version=2), *drafts[N_BASELINE:]]
    (folder / "sample").mkdir(parents=True, exist_ok=True)
    text = render_set(draft.article for draft in baseline)
    (folder / "sample" / "sample26n0001.xml").write_text(text, "utf-8", newline="\n")
    text = render_set((draft.article for draft in update), deleted=[deleted.article.pmid])
    write_gzip(folder / "sample" / "sample26n0002.xml.gz", text.encode("utf-8"))
    write_entities(folder / "sample_entities.tsv", [draft for draft in drafts if draft is not deleted])


def write_entities(path: Path, live: list[Draft]) -> None:
    rows = [(draft.article.pmid, value.label, value.text) for draft in live for value in draft.entities]
    lines = ["pmid\tlabel\ttext\n", *(f"{pmid}\t{label}\t{text}\n" for pmid, label, text in rows)]
    path.write_text("".join(lines), "utf-8", newline="\n")


def write_gzip(path: Path, content: bytes) -> None:
    """Write a gzip file without a time stamp, and NLM's kind of ``.md5`` file beside it."""
    packed = gzip.compress(content, compresslevel=9, mtime=0)
    path.write_bytes(packed)
    digest = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    path.with_name(path.name + ".md5").write_text(f"MD5({path.name})= {digest}\n", "ascii", newline="\n")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Write the sample corpus.")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write into (default: examples/)")
    write_sample(parser.parse_args(arguments).to)


if __name__ == "__main__":
    main(sys.argv[1:])
