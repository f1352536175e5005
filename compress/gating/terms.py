"""Responsible for learning the terms of a gate: which tell the domain, and which a sentence needs.

Both levels use non-negative evidence only, so more text can only make a citation or a sentence pass.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Lasso

from compress.errors import CompressError
from compress.gating.words import NO_WORDS, GateWords
from extract.annotations import AnnotatedSentence
from extract.gate import Domain, Triggers, domain_scores, lacks_needed

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LETTERS = re.compile(r"[^\W\d_]+")
_STEM_LENGTHS = range(4, 10)
_WORD_MARK = "="
"""Begins a feature that is a whole word; a stem has no mark."""

_DOMAIN_STEMS = 600
"""Stems that the weights are fitted on: those most more frequent in the domain."""
_DOMAIN_STEM_DOCS = 4
"""Documents of the domain that a stem must occur in."""
_DOMAIN_SPARSITY = 0.002
_SAFETY = 0.5
"""The threshold is this share of the score that all known citations of the domain reach when held out."""
_SAFETY_WITH_WORDS = 0.35
"""The same where words of the domain are given: of these one must occur, so the sum may decide less."""
_LEAST_WEIGHT = 0.01
"""Of the threshold; terms below tell nothing."""
SHORTEST = 500
"""Characters; a short text may lack every term of its domain."""
_UNCOVERED = 0.0005
"""Share of sentences with entities that may stay without a trigger."""
_PRIOR = 0.06
"""Share of the background that a trigger is taken to pass besides what it is seen to pass. Against triggers
that are rare and pure, such as a drug's name: they cover what was seen, and lose what was not."""


_PURE_SENTENCES = 4
"""Sentences with an entity that a pure word must occur in."""
_IMPURE = 0.25
"""Other sentences that it may occur in, for each of these."""


@dataclass(frozen=True)
class FittedDomain:
    """The first level, and how well it was told apart."""

    domain: Domain
    held_out_scores: Floats
    """Of each document, by weights fitted without it. *Shape:* ``(documents,)``"""


def fit_domain(
    heads: Sequence[str], known: Mask, words: GateWords = NO_WORDS, *, n_folds: int = 5
) -> FittedDomain:
    """Learn the domain from documents known to be of it among many others.

    The others hold unknown ones of the domain too. So a first fit takes them all for foreign; those it scores
    like known ones then count as known, those between are left out, and the fit is made again.

    :param heads: what a citation of each document would show.
    :param known: which documents are known to be of the domain.
    :param words: given ones; the fit does not see them, they are asked for besides.
    """
    if known.sum() < 2 * n_folds or known.all():
        raise CompressError(
            "too few documents to tell a domain",
            "--text",
            f"{int(known.sum())} of {len(heads)} are in the labelled data",
            f"at least {2 * n_folds}, and others",
            "give the text that the labelled sentences are from, or --no-domain",
        )
    stems = _Stems(heads)
    first = _cross_scores(stems, known, np.ones(len(heads), bool), n_folds)
    low, middle = np.quantile(first[known], [0.02, 0.25])
    positive = known | (first >= middle)
    usable = positive | (first < low)
    scores = _cross_scores(stems, positive, usable, n_folds)
    threshold = float(scores[known].min()) * safety_of(words)
    weights = {term: round(w / threshold, 3) for term, w in stems.fit(positive, usable).items()}
    kept = {term: w for term, w in weights.items() if w >= _LEAST_WEIGHT}
    domain = Domain(kept, 1.0, SHORTEST, words.domain, words.look_alikes)
    return FittedDomain(domain, np.where(lacks_needed(domain, heads), 0.0, scores / threshold))


def safety_of(words: GateWords) -> float:
    """The threshold as a share of the score that all known citations of the domain reach when held out."""
    return _SAFETY_WITH_WORDS if words.domain else _SAFETY


def _cross_scores(stems: _Stems, positive: Mask, usable: Mask, n_folds: int) -> Floats:
    """Score of every document by weights fitted on the other folds."""
    fold = np.arange(len(positive)) % n_folds
    fold[positive] = np.arange(positive.sum()) % n_folds
    scores = np.zeros(len(positive))
    for number in range(n_folds):
        held = fold == number
        domain = Domain(stems.fit(positive, usable & ~held), 0.0, 0)
        scores[held] = domain_scores(domain, [stems.heads[index] for index in np.flatnonzero(held).tolist()])
    return scores


class _Stems:
    """Which stems occur in which document."""

    def __init__(self, heads: Sequence[str]) -> None:
        self.heads = heads
        vectorizer = CountVectorizer(analyzer=_stems, binary=True, min_df=_DOMAIN_STEM_DOCS)
        self._occurs = vectorizer.fit_transform([head.lower() for head in heads]).tocsr()
        self._names = vectorizer.get_feature_names_out()

    def fit(self, positive: Mask, usable: Mask) -> dict[str, float]:
        """Non-negative weights: a sparse linear fit to 1 in the domain and 0 elsewhere, classes balanced."""
        rows = np.flatnonzero(usable)
        target = positive[rows].astype(float)
        occurs = self._occurs[rows].tocsc()
        inside = np.asarray(occurs.T @ target).ravel()
        outside = np.asarray(occurs.T @ (1 - target)).ravel()
        n_inside, n_outside = target.sum(), (1 - target).sum()
        lift = inside / n_inside - outside / n_outside
        lift[inside < _DOMAIN_STEM_DOCS] = -1
        best = np.sort(np.argsort(-lift, kind="stable")[:_DOMAIN_STEMS])
        balance = np.where(target > 0, len(target) / (2 * n_inside), len(target) / (2 * n_outside))
        fit = Lasso(alpha=_DOMAIN_SPARSITY, positive=True, max_iter=5000)
        fit.fit(occurs[:, best].toarray(), target, sample_weight=balance)
        named = zip(self._names[best], fit.coef_, strict=True)
        return {str(name): float(weight) for name, weight in named if weight > 0}


def _stems(text: str) -> Iterator[str]:
    """Beginnings of the words of a lower-case text."""
    for word in set(_LETTERS.findall(text)):
        yield from (word[:length] for length in _STEM_LENGTHS if len(word) >= length)


def fit_triggers(
    sentences: Sequence[AnnotatedSentence], background: Sequence[str], words: GateWords = NO_WORDS
) -> Triggers:
    """The triggers that cover the sentences with an entity, and pass as few others as can be.

    Greedy weighted set cover: again and again the word or stem that gains most uncovered sentences for each
    other one it passes. Then all words that hardly ever stand in other sentences: they cost nothing, and find
    what is put without the chosen ones.

    :param background: unlabelled sentences with a number, for what a trigger passes.
    :param words: given ones, which are triggers too.
    """
    holding = [sentence for sentence in sentences if sentence.entities]
    empty = [sentence.text for sentence in sentences if not sentence.entities]
    vectorizer = CountVectorizer(analyzer=_words_and_stems, binary=True, min_df=1)
    covers = vectorizer.fit_transform([sentence.text.lower() for sentence in holding]).tocsc()
    passes = vectorizer.transform([text.lower() for text in (*empty, *background)]).tocsc()
    prior = max(_PRIOR * len(background), 1.0)
    chosen = _cover(covers, passes, prior=prior, n_uncovered=int(_UNCOVERED * len(holding)))
    vocabulary = vectorizer.get_feature_names_out()
    pure = [index for index in _find_pure(covers, passes) if vocabulary[index].startswith(_WORD_MARK)]
    names = [str(name) for name in vocabulary[sorted({*chosen, *pure})]]
    return Triggers(
        stems=tuple(sorted({*words.stems, *(name for name in names if not name.startswith(_WORD_MARK))})),
        words=tuple(sorted({*words.words, *(name[1:] for name in names if name.startswith(_WORD_MARK))})),
        values=_values(holding),
    )


def _cover(covers: Any, passes: Any, *, prior: float, n_uncovered: int) -> list[int]:
    uncovered = np.ones(covers.shape[0])
    unpassed = np.ones(passes.shape[0])
    chosen: list[int] = []
    while uncovered.sum() > n_uncovered:
        gains = covers.T @ uncovered
        best = int(np.argmax(gains / (passes.T @ unpassed + prior)))
        if not gains[best]:
            break
        chosen.append(best)
        uncovered[covers[:, [best]].nonzero()[0]] = 0
        unpassed[passes[:, [best]].nonzero()[0]] = 0
    return chosen


def _find_pure(covers: Any, passes: Any) -> list[int]:
    inside = np.asarray(covers.sum(axis=0)).ravel()
    outside = np.asarray(passes.sum(axis=0)).ravel()
    found: list[int] = np.flatnonzero((inside >= _PURE_SENTENCES) & (outside <= _IMPURE * inside)).tolist()
    return found


def _words_and_stems(text: str) -> Iterator[str]:
    for word in set(_LETTERS.findall(text)):
        if len(word) > 1:
            yield _WORD_MARK + word
            yield from (word[:length] for length in _STEM_LENGTHS if len(word) >= length)


def _values(holding: Collection[AnnotatedSentence]) -> tuple[str, ...]:
    """The words of entities without a digit."""
    return tuple(
        sorted(
            {
                word
                for sentence in holding
                for span in sentence.entities
                if not any(map(str.isdigit, text := sentence.text[span.start : span.end]))
                for word in _LETTERS.findall(text.lower())
                if len(word) > 1
            }
        )
    )
