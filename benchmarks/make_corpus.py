"""Make a large synthetic corpus of real text, recombined: for runs whose size matters, not their content.

    python benchmarks/make_corpus.py FOLDER --citations 1000000 --from MEDLINE.xml.gz... [--seed 1]

Every synthetic citation is a real one of the given MEDLINE files, drawn with equal chance, oncology or not:
the mix is theirs, and a gate passes of the corpus what it passes of them. It gets a PMID of its own, and
authors, grants and journal of another citation; within each section of its abstract the sentences stand in
an order of their own, so that hardly two texts are equal. No sentence is new, and none is lost.

Files are like MEDLINE's: ``pubmed26n0001.xml.gz`` and so on, 30,000 citations each, with ``.md5`` files. The
same arguments give the same bytes. Memory does not depend on the number of citations.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from isal import igzip

from extract.bytestream import iter_chunks
from extract.inputs import find_inputs

FIRST_PMID = 100_000_000
"""Above all real ones, so that nobody takes a synthetic citation for a real one."""
PER_FILE = 30_000
_HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>\n'
_TAIL = b"</PubmedArticleSet>\n"
_COMPRESSION = 2  # ISA-L's, near gzip -6 in size and far quicker

_CITATION = re.compile(rb"<MedlineCitation[ >].*?</MedlineCitation>", re.DOTALL)
_PMID = re.compile(rb"<PMID[^>]*>[0-9]+</PMID>")
_ABSTRACT = re.compile(rb"(<AbstractText[^>]*>)(.*?)(</AbstractText>)", re.DOTALL)
_SENTENCE_END = re.compile(rb"(?<=[a-z0-9)][.]) +(?=[A-Z][a-z])")
_SWAPPED = tuple(
    re.compile(rb"<%s[ >].*?</%s>" % (name, name), re.DOTALL)
    for name in (b"Journal", b"AuthorList", b"GrantList")
)
"""Parts of a citation that come from another; a citation without one keeps none."""


@dataclass(frozen=True)
class Parts:
    """A real citation, cut up."""

    pieces: tuple[bytes | int | tuple[bytes, ...], ...]
    """In order: bytes as they are, the index of a swapped part, or sentences of a section. No PMID."""
    swapped: tuple[bytes | None, ...]
    """Its own swapped parts."""


def read_parts(inputs: list[str]) -> list[Parts]:
    """The citations of some MEDLINE files."""
    found = [
        cut_up(unit)
        for path in find_inputs(inputs)
        for unit in _CITATION.findall(b"".join(iter_chunks(path)))
    ]
    if not found:
        raise SystemExit("no MedlineCitation in these files")
    return found


def cut_up(unit: bytes) -> Parts:
    """Cut a citation where something will be put in."""
    cuts: list[tuple[int, int, int | tuple[bytes, ...]]] = []
    own = []
    for index, pattern in enumerate(_SWAPPED):
        match = pattern.search(unit)
        own.append(match[0] if match else None)
        if match:
            cuts.append((*match.span(), index))
    cuts += [(*match.span(2), tuple(_SENTENCE_END.split(match[2]))) for match in _ABSTRACT.finditer(unit)]
    pmid = _PMID.search(unit)
    if pmid is None:
        raise SystemExit(f"a citation without PMID: {unit[:80]!r}")
    pieces: list[bytes | int | tuple[bytes, ...]] = []
    start = pmid.end()
    for begin, end, content in sorted(cuts, key=lambda cut: cut[0]):
        pieces += [unit[start:begin], content]
        start = end
    return Parts((*pieces, unit[start:]), tuple(own))


def iter_citations(parts: list[Parts], n_citations: int, seed: int) -> Iterator[bytes]:
    """Synthetic citations, as ``PubmedArticle`` elements."""
    dice = random.Random(seed)
    for number in range(n_citations):
        text, others = dice.choice(parts), dice.choice(parts)
        out = [b'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">']
        out += [str(FIRST_PMID + number).encode(), b"</PMID>"]
        for piece in text.pieces:
            if isinstance(piece, bytes):
                out.append(piece)
            elif isinstance(piece, int):
                out.append(others.swapped[piece] or b"")
            else:
                out.append(b" ".join(dice.sample(piece, len(piece))))
        out.append(b"</PubmedArticle>\n")
        yield b"".join(out)


def write_corpus(folder: Path, citations: Iterator[bytes], n_citations: int, per_file: int) -> None:
    """Files of ``per_file`` citations each, with their digests."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(-(-n_citations // per_file)):
        name = f"pubmed26n{index + 1:04d}.xml.gz"
        size = min(per_file, n_citations - index * per_file)
        with (
            (folder / name).open("wb") as raw,
            igzip.IGzipFile("", "wb", _COMPRESSION, raw, mtime=0) as packed,
            io.BufferedWriter(packed, 1 << 20) as stream,
        ):
            stream.write(_HEAD)
            stream.writelines(islice(citations, size))
            stream.write(_TAIL)
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
        (folder / f"{name}.md5").write_text(f"MD5({name})= {digest}\n", encoding="ascii")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--citations", type=int, default=100_000)
    parser.add_argument(
        "--from", dest="inputs", nargs="+", required=True, help="MEDLINE files to take text from"
    )
    parser.add_argument("--per-file", type=int, default=PER_FILE)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    parts = read_parts(given.inputs)
    write_corpus(
        given.folder, iter_citations(parts, given.citations, given.seed), given.citations, given.per_file
    )


if __name__ == "__main__":
    main()
