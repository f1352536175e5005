"""Responsible for the form: citations as PubMed's ``PubmedArticleSet`` XML writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

HEADER = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" \
"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<!-- Invented by examples/make_sample.py: no citation, person, journal or result in this file is real. -->
<PubmedArticleSet>
"""
FOOTER = "</PubmedArticleSet>\n"
INLINE = re.compile(r"&lt;(/?(?:b|i|sup|sub|u))&gt;")
LABELS = {
    "BACKGROUND": "BACKGROUND",
    "PURPOSE": "OBJECTIVE",
    "OBJECTIVE": "OBJECTIVE",
    "INTRODUCTION": "BACKGROUND",
    "METHODS": "METHODS",
    "PATIENTS AND METHODS": "METHODS",
    "MATERIALS & METHODS": "METHODS",
    "RESULTS": "RESULTS",
    "FINDINGS": "RESULTS",
    "CONCLUSION": "CONCLUSIONS",
    "CONCLUSIONS": "CONCLUSIONS",
    "INTERPRETATION": "CONCLUSIONS",
}
"""Section labels and the category that NLM gives them; labels that are not here get none."""


@dataclass(frozen=True, slots=True)
class Author:
    last: str
    fore: str
    affiliation: str


@dataclass(frozen=True, slots=True)
class Article:
    """Everything that is written about one citation.

    Texts may hold the inline elements ``<i>``, ``<b>``, ``<sup>``, ``<sub>`` and ``<u>``, and no other.
    """

    pmid: int
    title: str
    sections: tuple[tuple[str, str], ...]
    """Label and text; an empty label for an abstract without sections. Empty where there is no abstract."""
    authors: tuple[Author, ...]
    journal: str
    iso: str
    year: int
    month: str
    volume: int
    page: int
    mesh: tuple[str, ...]
    """Descriptor names."""
    kind: str = "Journal Article"
    version: int = 1
    language: str = "eng"
    vernacular: str = ""
    other_language: str = ""
    other_text: str = ""
    """An abstract in another language, or in plain language (``other_language`` is ``plain``)."""
    copyright: str = ""


def render_text(text: str) -> str:
    """Escape all but the inline elements that PubMed allows in a text."""
    return INLINE.sub(r"<\1>", escape(text))


def render_set(articles: Iterable[Article], *, deleted: Iterable[int] = ()) -> str:
    """A whole file: the articles, then the PMIDs that it orders to delete."""
    parts = [HEADER, *(_render_article(article) for article in articles)]
    if orders := "".join(f'    <PMID Version="1">{pmid}</PMID>\n' for pmid in deleted):
        parts.append(f"  <DeleteCitation>\n{orders}  </DeleteCitation>\n")
    return "".join([*parts, FOOTER])


def _render_article(article: Article) -> str:
    lines = [
        '    <MedlineCitation Status="MEDLINE" Owner="NLM" IndexingMethod="Automated">',
        f'      <PMID Version="{article.version}">{article.pmid}</PMID>',
        f"      <DateRevised><Year>{article.year}</Year><Month>11</Month><Day>20</Day></DateRevised>",
        '      <Article PubModel="Print-Electronic">',
        *_journal_lines(article),
        f"        <ArticleTitle>{render_text(article.title)}</ArticleTitle>",
        f"        <Pagination><MedlinePgn>{article.page}-{article.page % 100 + 7}</MedlinePgn></Pagination>",
        f'        <ELocationID EIdType="doi" ValidYN="Y">10.5555/sample.{article.pmid}</ELocationID>',
        *_abstract_lines(article),
        *_author_lines(article),
        f"        <Language>{article.language}</Language>",
        "        <PublicationTypeList>",
        f'          <PublicationType UI="{PUBLICATION_TYPES[article.kind]}">{article.kind}</PublicationType>',
        "        </PublicationTypeList>",
        *_vernacular_lines(article),
        "      </Article>",
        "      <MedlineJournalInfo><Country>England</Country>"
        f"<MedlineTA>{escape(article.iso)}</MedlineTA></MedlineJournalInfo>",
        "      <CitationSubset>IM</CitationSubset>",
        *_mesh_lines(article),
        *_other_abstract_lines(article),
        "    </MedlineCitation>",
        "    <PubmedData>",
        "      <PublicationStatus>ppublish</PublicationStatus>",
        f'      <ArticleIdList><ArticleId IdType="pubmed">{article.pmid}</ArticleId></ArticleIdList>',
        "    </PubmedData>",
    ]
    return "\n".join(["  <PubmedArticle>", *lines, "  </PubmedArticle>\n"])


PUBLICATION_TYPES = {
    "Journal Article": "D016428",
    "Letter": "D016422",
    "Editorial": "D016421",
    "Comment": "D016420",
    "Published Erratum": "D016425",
    "Case Reports": "D002363",
}


def _journal_lines(article: Article) -> list[str]:
    return [
        "        <Journal>",
        f'          <JournalIssue CitedMedium="Internet"><Volume>{article.volume}</Volume>'
        f"<PubDate><Year>{article.year}</Year><Month>{article.month}</Month></PubDate></JournalIssue>",
        f"          <Title>{escape(article.journal)}</Title>",
        f"          <ISOAbbreviation>{escape(article.iso)}</ISOAbbreviation>",
        "        </Journal>",
    ]


def _abstract_lines(article: Article) -> list[str]:
    if not article.sections:
        return []
    lines = [f"          {_abstract_text(label, text)}" for label, text in article.sections]
    if article.copyright:
        lines.append(f"          <CopyrightInformation>{escape(article.copyright)}</CopyrightInformation>")
    return ["        <Abstract>", *lines, "        </Abstract>"]


def _abstract_text(label: str, text: str) -> str:
    attributes = f" Label={quoteattr(label)}" if label else ""
    if category := LABELS.get(label):
        attributes += f' NlmCategory="{category}"'
    return f"<AbstractText{attributes}>{render_text(text)}</AbstractText>"


def _author_lines(article: Article) -> list[str]:
    lines = []
    for author in article.authors:
        affiliation = (
            f"<AffiliationInfo><Affiliation>{escape(author.affiliation)}</Affiliation></AffiliationInfo>"
            if author.affiliation
            else ""
        )
        lines.append(
            f'          <Author ValidYN="Y"><LastName>{escape(author.last)}</LastName>'
            f"<ForeName>{escape(author.fore)}</ForeName><Initials>{author.fore[0]}</Initials>{affiliation}</Author>"
        )
    return ['        <AuthorList CompleteYN="Y">', *lines, "        </AuthorList>"] if lines else []


def _vernacular_lines(article: Article) -> list[str]:
    if not article.vernacular:
        return []
    return [f"        <VernacularTitle>{escape(article.vernacular)}</VernacularTitle>"]


def _mesh_lines(article: Article) -> list[str]:
    headings = [f'<DescriptorName MajorTopicYN="N">{escape(name)}</DescriptorName>' for name in article.mesh]
    lines = [f"        <MeshHeading>{heading}</MeshHeading>" for heading in headings]
    return ["      <MeshHeadingList>", *lines, "      </MeshHeadingList>"] if lines else []


def _other_abstract_lines(article: Article) -> list[str]:
    if not article.other_text:
        return []
    plain = article.other_language == "plain"
    attributes = (
        'Type="plain-language-summary" Language="eng"'
        if plain
        else (f'Type="Publisher" Language="{article.other_language}"')
    )
    text = render_text(article.other_text)
    return [f"      <OtherAbstract {attributes}><AbstractText>{text}</AbstractText></OtherAbstract>"]
