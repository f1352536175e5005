"""Responsible for drawing the citations of the sample: which kinds, in which order, saying what."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sample_source.dice import Dice
from sample_source.forms import Filler, Piece
from sample_source.medline import Article, Author
from sample_source.trials import advanced_slots, choose_manner, curative_slots

HERE = Path(__file__).resolve().parent
TRIALS = {"randomised": 38, "single": 28, "adjuvant": 18, "cohort": 12}
RESULTS = {
    "randomised": ("followup", "pfs", "os", "landmark", "orr", "dor", "safety"),
    "single": ("followup", "orr", "dor", "pfs", "os", "safety"),
    "adjuvant": ("followup", "dfs", "os", "safety"),
    "cohort": ("followup", "os", "dfs", "safety"),
}
OPTIONAL = {
    ("randomised", "landmark"): 0.7,
    ("randomised", "orr"): 0.6,
    ("randomised", "dor"): 0.4,
    ("single", "dor"): 0.6,
}
"""The share of a kind's abstracts that have such a sentence; all others always do."""
PARTS = ("background", "methods", "results", "conclusion")
LABEL_SETS = (
    ("BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS"),
    ("PURPOSE", "PATIENTS AND METHODS", "RESULTS", "CONCLUSION"),
    ("BACKGROUND", "METHODS", "FINDINGS", "INTERPRETATION"),
    ("INTRODUCTION", "MATERIALS & METHODS", "RESULTS", "CONCLUSIONS"),
    (),
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NUMERALS = ("Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
UNITS = ("", "-one", "-two", "-three", "-four", "-five", "-six", "-seven", "-eight", "-nine")

Mesh = tuple[str, ...]
Sections = list[tuple[str, list[Piece]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A citation and the endpoint values that it reports, in order."""

    article: Article
    entities: tuple[Piece, ...]


class Corpus:
    """Draws citations from the invented material beside this file."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        read = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in HERE.glob("*.toml")}
        self._places, self._oncology = read["places"], read["oncology"]
        self._topics, self._odd = read["ordinary"]["topic"], read["odd"]["citation"]

    def draw(self) -> list[Draft]:
        trials = [self._trial(kind) for kind, count in TRIALS.items() for _ in range(count)]
        silent = [
            self._silent(topic, title) for topic in self._oncology["silent"] for title in topic["titles"]
        ]
        ordinary = [self._ordinary(topic, title) for topic in self._topics for title in topic["titles"]]
        return self._dice.shuffled([*trials, *silent, *ordinary, *map(self._unusual, self._odd)])

    def _trial(self, kind: str) -> Draft:
        dice, forms = self._dice, self._oncology[kind]
        curative = kind in ("adjuvant", "cohort")
        disease = dice.one(self._places["curative" if curative else "advanced"])
        filler = self._filler(disease, curative=curative)
        steps = [step for step in RESULTS[kind] if dice.chance(OPTIONAL.get((kind, step), 1.0))]
        groups = {
            "background": ("background",),
            "methods": ("methods",),
            "results": steps,
            "conclusion": ("conclusion",),
        }
        title = filler.fill(dice.one(forms["titles"]))
        parts = {
            part: fill_all(filler, [dice.one(forms[step]) for step in group])
            for part, group in groups.items()
        }
        return self._draft(title, parts, oncology_mesh(disease))

    def _silent(self, topic: Mapping[str, Any], title: str) -> Draft:
        disease = self._dice.one(self._places["advanced"])
        filler = self._filler(disease, curative=False)
        parts = {part: fill_all(filler, topic[part]) for part in PARTS}
        return self._draft(filler.fill(title), parts, oncology_mesh(disease))

    def _ordinary(self, topic: Mapping[str, Any], title: str) -> Draft:
        filler = Filler({}, self._dice)
        parts = {part: fill_all(filler, topic[part]) for part in PARTS}
        people = () if "Animals" in topic["mesh"] else ("Humans",)
        return self._draft(filler.fill(title), parts, (*people, *topic["mesh"]))

    def _unusual(self, odd: Mapping[str, str]) -> Draft:
        sections: Sections = [("", [Piece(odd["abstract"])])] if "abstract" in odd else []
        draft = self._publish([Piece(odd["title"])], sections, (), middot=False)
        article = dataclasses.replace(
            draft.article,
            kind=odd["type"],
            language=odd.get("language", "eng"),
            vernacular=odd.get("vernacular", ""),
            other_language=odd.get("other_language", ""),
            other_text=odd.get("other", ""),
            copyright=odd.get("copyright", ""),
        )
        return Draft(article, tuple(Piece(text, label) for text, label in odd.get("entities", [])))

    def _filler(self, disease: Mapping[str, Any], *, curative: bool) -> Filler:
        numbers = (curative_slots if curative else advanced_slots)(
            disease, choose_manner(self._dice), self._dice
        )
        words = {**self._treatment(disease, curative=curative), **self._patients(curative=curative)}
        words |= {name.capitalize(): upper_first(words[name]) for name in ("exp", "exp_s", "ae1")}
        return Filler({**words, **numbers, "disease": disease["name"], "gene": disease["gene"]}, self._dice)

    def _treatment(self, disease: Mapping[str, Any], *, curative: bool) -> dict[str, str]:
        """The arms: ``exp`` and ``ctl`` in full, ``exp_s`` and ``ctl_s`` for short."""
        dice, drug = self._dice, self._dice.one(self._places["drugs"])
        blinded = dice.chance(0.5)
        words = {
            "exp_s": drug,
            "blinding": "double-blind" if blinded else "open-label",
            "ctl_base": "chemotherapy",
        }
        words |= zip(("ae1", "ae2"), dice.several(self._places["adverse"], 2), strict=True)
        if curative:
            control = "placebo" if blinded else "observation"
            return words | {"exp": drug, "ctl": control, "ctl_s": control}
        key = "haematology_backbones" if disease.get("haematology") else "backbones"
        backbone = dice.one(self._places[key])
        control = f"placebo plus {backbone}" if blinded else f"{backbone} alone"
        return words | {
            "exp": f"{drug} plus {backbone}",
            "ctl": control,
            "ctl_s": "placebo" if blinded else backbone,
        }

    def _patients(self, *, curative: bool) -> dict[str, str]:
        dice = self._dice
        first = dice.whole(120, 480) if curative else dice.whole(31, 99)
        total = 2 * first + dice.whole(-3, 3)
        words = {"n": f"{total}", "n1": f"{first}", "n2": f"{total - first}"}
        words |= {"N": f"A total of {total}", "N1": in_words(first)}
        words["fu"] = f"{dice.between(30, 74) if curative else dice.between(14, 33):.1f}"
        words["nct"] = f"ClinicalTrials.gov number, NCT99{dice.whole(100000, 999999)}"
        words["acronym"] = "".join(dice.several("ABEILNORSTV", 5)) + f"-{dice.whole(1, 9)}"
        return words

    def _draft(self, title: list[Piece], parts: Mapping[str, list[Piece]], mesh: Mesh) -> Draft:
        labels = self._dice.one(LABEL_SETS)
        sections: Sections = list(zip(labels, parts.values(), strict=False))
        if not labels:
            sections = [("", spaced(parts.values()))]
        if "INTERPRETATION" in labels:
            sections.append(("FUNDING", [Piece("Halden Research Fund.")]))
        return self._publish(title, sections, mesh)

    def _publish(
        self, title: list[Piece], sections: Sections, mesh: Mesh, *, middot: bool | None = None
    ) -> Draft:
        dice, journal = self._dice, self._dice.one(self._places["journals"])
        middot = journal["style"] == "middot" if middot is None else middot
        article = Article(
            pmid=0,
            title=joined(title, middot=middot),
            sections=tuple((label, joined(pieces, middot=middot)) for label, pieces in sections),
            authors=self._authors(),
            journal=journal["title"],
            iso=journal["iso"],
            year=dice.whole(2019, 2026),
            month=dice.one(MONTHS),
            volume=dice.whole(3, 61),
            page=dice.whole(100, 1900),
            mesh=mesh,
            copyright="Copyright © The Sample Authors." if dice.chance(0.1) else "",
        )
        pieces = [*title, *(piece for _, section in sections for piece in section)]
        values = [Piece(joined([piece], middot=middot), piece.label) for piece in pieces if piece.label]
        return Draft(article, tuple(values))

    def _authors(self) -> tuple[Author, ...]:
        dice, places = self._dice, self._places
        lasts = dice.several(places["last_names"], dice.whole(1, 4))
        where = f"{dice.one(places['departments'])}, {dice.one(places['institutes'])}."
        fores = [dice.one(places["fore_names"]) for _ in lasts]
        where_of = [where, *[""] * len(lasts)]
        return tuple(map(Author, lasts, fores, where_of))


def oncology_mesh(disease: Mapping[str, Any]) -> Mesh:
    return ("Humans", *disease["mesh"], "Treatment Outcome")


def fill_all(filler: Filler, forms: Iterable[str]) -> list[Piece]:
    return spaced(filler.fill(form) for form in forms)


def spaced(sentences: Iterable[list[Piece]]) -> list[Piece]:
    """The sentences one after the other, with a space between."""
    return [piece for sentence in sentences for piece in (Piece(" "), *sentence)][1:]


def joined(pieces: Iterable[Piece], *, middot: bool) -> str:
    """The text of the pieces; ``middot`` writes decimal points as some British journals do."""
    text = "".join(piece.text for piece in pieces)
    return re.sub(r"(?<!RECIST )(\d)\.(\d)", r"\1·\2", text) if middot else text


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def in_words(number: int) -> str:
    """A number as it may begin a sentence: in words from 30 to 99."""
    if 30 <= number <= 99:
        return NUMERALS[number // 10 - 3] + UNITS[number % 10]
    return f"A total of {number}"
