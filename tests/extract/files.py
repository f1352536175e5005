"""Tiny MEDLINE files, made on the spot."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

from extract.source import Record, SourceFile, check_source, iter_records

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
DOCTYPE = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2024//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_240101.dtd">\n'
)


def citation(
    pmid: object, title: str = "A title.", abstract: str = "", *, mesh: str = "", version: str = "1"
) -> str:
    """A MedlineCitation; ``abstract`` is the inside of an Abstract element."""
    return (
        f'<MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="{version}">{pmid}</PMID>'
        f"<Article><Journal><Title>J</Title></Journal><ArticleTitle>{title}</ArticleTitle>"
        + (f"<Abstract>{abstract}</Abstract>" if abstract else "")
        + f"</Article>{mesh}</MedlineCitation>"
    )


def article(*args: object, **kwargs: str) -> str:
    """A PubmedArticle round :func:`citation`, with references that hold PMIDs of their own."""
    inside = citation(*args, **kwargs)  # type: ignore[arg-type]
    return (
        f"<PubmedArticle>{inside}<PubmedData><ReferenceList><Reference><ArticleIdList>"
        '<ArticleId IdType="pubmed">99999</ArticleId></ArticleIdList></Reference></ReferenceList>'
        "</PubmedData></PubmedArticle>"
    )


def article_set(units: Iterable[str], *, doctype: str = DOCTYPE) -> bytes:
    return (
        DECLARATION + doctype + "<PubmedArticleSet>" + "\n".join(units) + "</PubmedArticleSet>\n"
    ).encode()


def write_gz(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def read_all(source: SourceFile) -> list[Record]:
    """All records of a checked file, slice by slice."""
    return [
        record for piece in source.slices for record in iter_records(Path(source.path), source.format, piece)
    ]


def read_file(path: Path, slice_records: int = 5000) -> list[Record]:
    return read_all(check_source(path, slice_records=slice_records))
