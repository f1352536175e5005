import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models

from compress.adaptation.masking import hide, plan_batches, read_pieces
from compress.adaptation.packing import pack_documents
from compress.errors import CheckpointError
from compress.features import special_ids
from compress.gating.text import Document
from tests.compress.conftest import build_tokenizer

TEXT = Path(__file__).resolve().parents[3].parent / "shared/data/text/rct_fulltext.jsonl.gz"
INVENTED = (
    "Median OS was 14.1 months (95% CI 11.2-17.8) and PFS was 7.25 months."
    " The rate was 1,204 of 3,001 (40.1%)."
)


def packed(paragraphs=(INVENTED,) * 20):
    return pack_documents([Document("D", tuple(paragraphs), "")], build_tokenizer(), max_tokens=64)


@pytest.fixture(scope="module")
def pieces():
    tokenizer = build_tokenizer()
    return read_pieces(tokenizer, *special_ids(tokenizer))


def real_text():
    if not TEXT.is_file():
        pytest.skip(f"{TEXT.name} is not beside the repository")
    with gzip.open(TEXT, "rt", encoding="utf-8") as lines:
        articles = [json.loads(next(lines)) for _ in range(5)]
    return packed([text for article in articles for text in article["paragraphs"]])


def hidden_units(text, sequences, batch):
    """Of each unit in a batch: how many of its tokens are hidden, and how many there are."""
    width = batch.input_ids.shape[1]
    found = {}
    for row, index in enumerate(sequences):
        for place, unit in enumerate(text.units[text.bounds[index] : text.bounds[index + 1]], start=1):
            hidden, count = found.get(int(unit), (0, 0))
            found[int(unit)] = (hidden + (row * width + place in set(batch.places.tolist())), count + 1)
    return found


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_no_unit_is_hidden_in_part(seed):
    text, tokenizer = packed(), build_tokenizer()
    pieces = read_pieces(tokenizer, *special_ids(tokenizer))
    rng = np.random.default_rng(seed)
    sequences = plan_batches(text.lengths, 256, rng)[0]
    units = hidden_units(text, sequences, hide(text, sequences, pieces, rng, share=0.4))
    assert any(count > 1 and hidden for hidden, count in units.values())
    assert all(hidden in (0, count) for hidden, count in units.values())


def test_no_number_of_real_articles_is_hidden_in_part(pieces):
    text = real_text()
    rng = np.random.default_rng(0)
    seen = 0
    for sequences in plan_batches(text.lengths, 512, rng)[:12]:
        batch = hide(text, sequences, pieces, rng, always_masked=True)
        shown = batch.input_ids.ravel()
        masked = np.flatnonzero(shown == pieces.mask)
        assert masked.tolist() == batch.places.tolist()
        for hidden, count in hidden_units(text, sequences, batch).values():
            assert hidden in (0, count)
            seen += hidden > 1
    assert seen > 50


def test_shares_are_as_told(pieces):
    text = packed([INVENTED] * 600)
    rng = np.random.default_rng(1)
    tokens = hidden = masked = kept = 0
    for sequences in plan_batches(text.lengths, 2048, rng):
        batch = hide(text, sequences, pieces, rng)
        shown = batch.input_ids.ravel()[batch.places]
        tokens += int((text.lengths[sequences] - 2).sum())
        hidden += len(batch.places)
        masked += int((shown == pieces.mask).sum())
        kept += int((shown == batch.goals).sum())
    assert hidden / tokens == pytest.approx(0.15, abs=0.005)
    assert masked / hidden == pytest.approx(0.8, abs=0.03)
    # A random piece is the right one now and then.
    assert kept / hidden == pytest.approx(0.1 + 0.1 / len(pieces.ordinary), abs=0.025)


def test_goals_are_what_stood_there_and_the_rest_is_untouched(pieces):
    text = packed()
    sequences = list(range(len(text.lengths)))
    batch = hide(text, sequences, pieces, np.random.default_rng(2))
    restored = batch.input_ids.ravel().copy()
    restored[batch.places] = batch.goals
    for row, index in zip(restored.reshape(batch.input_ids.shape), sequences, strict=True):
        own = text.ids[text.bounds[index] : text.bounds[index + 1]]
        assert row[: len(own) + 2].tolist() == [pieces.first, *own.tolist(), pieces.last]
    real = np.ones(batch.input_ids.shape, np.bool_) if batch.real is None else batch.real
    assert real.sum(axis=1).tolist() == text.lengths[sequences].tolist()
    assert real.ravel()[batch.places].all()


def test_numbers_among_the_hidden_are_known(pieces):
    text = packed()
    batch = hide(text, [0, 1], pieces, np.random.default_rng(3), share=0.9)
    tokenizer = build_tokenizer()
    told = {tokenizer.id_to_token(int(piece)) for piece in batch.goals[batch.numbers]}
    assert told <= {*"0123456789.,%-", *(f"##{digit}" for digit in "0123456789")}
    assert batch.numbers.any()
    assert not batch.numbers.all()


def test_each_time_something_else_is_hidden_but_by_seed_the_same(pieces):
    text = packed()
    draws = [hide(text, [0], pieces, np.random.default_rng(seed)).places.tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_batches_hold_every_sequence_once_and_no_more_tokens_than_told():
    lengths = np.random.default_rng(0).integers(10, 60, 500)
    plans = [plan_batches(lengths, 256, np.random.default_rng(seed)) for seed in (0, 1)]
    for batches in plans:
        assert sorted(np.concatenate(batches).tolist()) == list(range(500))
        assert max(len(batch) * lengths[batch].max() for batch in batches) <= 256
    assert len(plans[0]) == len(plans[1])
    assert [batch.tolist() for batch in plans[0]] != [batch.tolist() for batch in plans[1]]
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in plans[0])
    assert padded / lengths.sum() < 1.03


def test_a_sequence_longer_than_a_batch_is_a_batch():
    assert [batch.tolist() for batch in plan_batches(np.array([90]), 16, np.random.default_rng(0))] == [[0]]


def test_a_tokenizer_without_a_mask_token_is_refused():
    with pytest.raises(CheckpointError, match="no mask token"):
        read_pieces(tokenizers.Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]")), 0, 0)
