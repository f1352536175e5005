"""Responsible for what the fuzz begins with: real records, some hand-made ones, and whole files of them."""

from __future__ import annotations

import gzip
import random
import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REAL = REPOSITORY.parent / "shared" / "data" / "medline"
SAMPLE = REPOSITORY / "examples" / "sample"

_ARTICLE = re.compile(rb"<PubmedArticle>.*?</PubmedArticle>", re.DOTALL)
_CITATION = re.compile(rb"<MedlineCitation[ >].*?</MedlineCitation>", re.DOTALL)
_LONGEST = 2000
"""Most seeds are shorter than this many bytes, so that an input is cheap."""
_PER_FILE, _LONG_PER_FILE = 80, 2

DECLARATIONS = (
    b'<?xml version="1.0" encoding="utf-8"?>\n',
    b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>',
    b'<?xml version="1.0" ?>\n',
    b"",
)
DOCTYPES = (
    b'<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2024//EN" '
    b'"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_240101.dtd">\n',
    b'<!DOCTYPE PubmedArticleSet SYSTEM "x.dtd">',
    b"",
    b"",
)
MADE = tuple(
    b"<PubmedArticle><MedlineCitation Status='MEDLINE'>" + inside + b"</MedlineCitation></PubmedArticle>"
    for inside in (
        b"<PMID Version='2'>1</PMID><Article><ArticleTitle>CD8<sup>+</sup> in 10<sup>9</sup>/L, "
        b"HbA<sub>1c</sub><sup>a<sub>2</sub></sup></ArticleTitle></Article>",
        b"<PMID>999999999</PMID><Article><ArticleTitle/><Abstract><AbstractText/>"
        b"<AbstractText Label='R' NlmCategory='RESULTS'> </AbstractText></Abstract></Article>",
        b"<PMID Version='1'>17</PMID>",
        b'<PMID>23</PMID><Article><ArticleTitle>x <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML">'
        b"<mml:msup><mml:mi>r</mml:mi><mml:mn>2</mml:mn></mml:msup><mml:mfrac><mml:mi>a</mml:mi><mml:mrow>"
        b"<mml:mi>b</mml:mi><mml:mo>+</mml:mo><mml:mi>c</mml:mi></mml:mrow></mml:mfrac></mml:math> y"
        b"</ArticleTitle><Abstract><AbstractText>a<br/>b<p>c</p><DispFormula>d</DispFormula>e</AbstractText>"
        b"</Abstract></Article>",
        b"<PMID>31</PMID><Article><VernacularTitle>Titre</VernacularTitle></Article><OtherAbstract>"
        b"<AbstractText>Autre.</AbstractText></OtherAbstract><CommentsCorrectionsList><CommentsCorrections>"
        b"<PMID>7</PMID></CommentsCorrections></CommentsCorrectionsList>",
    )
)
BOOK = (
    b"<PubmedBookArticle><BookDocument><PMID Version='1'>20301295</PMID><ArticleTitle>B</ArticleTitle>"
    b"</BookDocument><PubmedBookData/></PubmedBookArticle>"
)
DELETION = b'<DeleteCitation>\n<PMID Version="1">5</PMID>\n<PMID>6</PMID></DeleteCitation>'


@dataclass(frozen=True)
class Seeds:
    """Records that files are made of."""

    articles: tuple[bytes, ...]
    """``PubmedArticle`` elements, each with one ``MedlineCitation``."""

    def make_file(self, dice: random.Random) -> bytes:
        """A well-formed file of one to five records, as NLM might have written it."""
        units = [dice.choice(self.articles) for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4, 5)))]
        old = dice.random() < 0.2
        root = b"MedlineCitationSet" if old else b"PubmedArticleSet"
        if old:
            units = [match[0] for unit in units if (match := _CITATION.search(unit))]
        elif dice.random() < 0.05:
            units.insert(dice.randint(0, len(units)), BOOK)
        if dice.random() < 0.2:
            units.append(DELETION)
        gap = dice.choice((b"", b"\n", b"\n", b"\r\n  "))
        doctype = dice.choice(DOCTYPES).replace(b"PubmedArticleSet", root)
        head = dice.choice(DECLARATIONS) + doctype + b"<" + root + b">" + gap
        return head + gap.join(units) + gap + b"</" + root + b">" + dice.choice((b"", b"\n"))


def load_seeds() -> Seeds:
    """Real records where the data folder is here, else those of the repository's sample."""
    folder = REAL if REAL.is_dir() else SAMPLE
    found: list[bytes] = []
    for path in sorted([*folder.glob("*.xml.gz"), *folder.glob("*.xml")]):
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        units = _ARTICLE.findall(text) or [
            b"<PubmedArticle>" + unit + b"</PubmedArticle>" for unit in _CITATION.findall(text)
        ]
        found += [unit for unit in units if len(unit) <= _LONGEST][:_PER_FILE]
        found += [unit for unit in units if len(unit) > _LONGEST][:_LONG_PER_FILE]
    return Seeds((*found, *MADE * 8))
