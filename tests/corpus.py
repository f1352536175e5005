"""Responsible for invented MEDLINE files: small, in the current format, with what a test wants in them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_WORDS = [
    "median",
    "overall",
    "survival",
    "was",
    "months",
    "response",
    "rate",
    "in",
    "patients",
    "with",
    "tumour",
    "arm",
    "versus",
    "control",
]


@dataclass(frozen=True)
class Made:
    """A citation to write."""

    pmid: int | str
    title: str
    abstract: str = ""
    version: int = 1
    mesh: tuple[str, ...] = ()


def make_citation(pmid: int, *, seed: int = 0, n_sentences: int = 2) -> Made:
    """A citation with numbers for the tiny model to find; the same for the same arguments."""
    dice = random.Random(f"{pmid}/{seed}")
    sentences = [
        " ".join([*dice.sample(_WORDS, 5), f"{dice.randint(1, 99)}.{dice.randint(0, 9)}"]).capitalize() + "."
        for _ in range(n_sentences)
    ]
    return Made(pmid, f"Title of {pmid} with {dice.randint(10, 99)} patients.", " ".join(sentences))


def write_medline(path: Path, citations: Sequence[Made], *, deleted: Sequence[tuple[int, int]] = ()) -> Path:
    """A ``PubmedArticleSet``, compressed if its name says so; ``deleted`` holds PMIDs and versions."""
    orders = "".join(f'<PMID Version="{version}">{pmid}</PMID>' for pmid, version in deleted)
    body = "".join(map(_article, citations)) + (
        f"<DeleteCitation>{orders}</DeleteCitation>" if orders else ""
    )
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>{body}</PubmedArticleSet>\n'
    data = text.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def _article(made: Made) -> str:
    text = f"<AbstractText>{escape(made.abstract)}</AbstractText>"
    abstract = f"<Abstract>{text}</Abstract>" if made.abstract else ""
    title = f"<ArticleTitle>{escape(made.title)}</ArticleTitle>" if made.title else "<ArticleTitle/>"
    pmid = f'<PMID Version="{made.version}">{made.pmid}</PMID>'
    headings = "".join(
        f"<MeshHeading><DescriptorName>{escape(name)}</DescriptorName></MeshHeading>" for name in made.mesh
    )
    mesh = f"<MeshHeadingList>{headings}</MeshHeadingList>" if headings else ""
    article = f"<Article>{title}{abstract}</Article>"
    return f"<PubmedArticle><MedlineCitation>{pmid}{article}{mesh}</MedlineCitation></PubmedArticle>\n"
