import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from compress.adaptation.masked_model import MaskedHead, MaskedModel
from compress.adaptation.masking import hide, read_pieces
from compress.adaptation.packing import pack_documents
from compress.adaptation.pretrain import PretrainConfig, pretrain
from compress.errors import CheckpointError, DataError
from compress.features import special_ids
from compress.gating.text import Document
from tests.compress.conftest import build_config, build_model, build_tokenizer

QUICK = PretrainConfig(
    epochs=4, batch_tokens=256, max_tokens=48, rate=5e-3, dropout=0.1, checks=4, bf16=False
)


def build_text(count=30, start=0):
    values = [(index, index % 10) for index in range(start, start + count)]
    paragraph = " ".join(f"Median OS was {a}.{b} months and PFS was {a}.{b} months." for a, b in values)
    return pack_documents([Document("D", (paragraph,), "")], build_tokenizer(), max_tokens=48)


@pytest.fixture
def masked():
    torch.manual_seed(0)
    config = build_config()
    return MaskedModel(build_model(config), MaskedHead(config)).eval()


@pytest.fixture(scope="module")
def pieces():
    tokenizer = build_tokenizer()
    return read_pieces(tokenizer, *special_ids(tokenizer))


@pytest.fixture(scope="module")
def text():
    return build_text()


def test_a_small_text_is_learnt(masked, text, pieces):
    checks = pretrain(replace(QUICK, epochs=20, dropout=0.0), masked, text, build_text(8, 30), pieces)
    first, last = checks[0], checks[-1]
    assert (first.step, first.loss) == (0, None)
    assert last.held_out_loss < first.held_out_loss / 3
    assert last.accuracy > first.accuracy + 0.3
    assert last.tokens == 20 * text.n_tokens
    assert [check.step for check in checks] == sorted({check.step for check in checks})


def test_only_hidden_places_are_asked(masked, text, pieces):
    batch = hide(text, [0, 1], pieces, np.random.default_rng(0))
    ids = torch.from_numpy(batch.input_ids)
    places = torch.from_numpy(batch.places)
    assert batch.real is None
    logits = masked(ids, None, places)
    assert logits.shape == (len(batch.places), masked.config.vocab_size)
    everywhere = masked(ids, None, torch.arange(ids.numel()))
    torch.testing.assert_close(logits, everywhere[places])
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(batch.goals))
    # What stands at the other places is no goal: another text there, the same input, the same loss.
    whole = torch.full((ids.numel(),), -100)
    whole[places] = torch.from_numpy(batch.goals)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(everywhere, whole, ignore_index=-100))


def test_attention_by_plain_products_is_attention(masked, text, pieces):
    batch = hide(text, [0, len(text.lengths) - 1], pieces, np.random.default_rng(0))
    assert batch.real is not None
    arguments = map(torch.from_numpy, (batch.input_ids, batch.real, batch.places))
    arguments = list(arguments)
    fused = masked(*arguments)
    for layer in masked.encoder.layers:
        layer.plain_attention = True
    torch.testing.assert_close(masked(*arguments), fused, rtol=1e-4, atol=1e-4)


def test_projection_stays_the_word_embeddings(masked, text, pieces):
    before = masked.encoder.embeddings.word.weight.detach().clone()
    names = [name for name, value in masked.named_parameters() if value.shape == before.shape]
    assert names == ["encoder.embeddings.word.weight"]
    pretrain(replace(QUICK, epochs=1), masked, text, text, pieces)
    after = masked.encoder.embeddings.word.weight
    assert not torch.equal(before, after)
    hidden = torch.eye(masked.config.hidden_width)
    masked.head.dense = masked.head.norm = nn.Identity()
    masked.encoder.encode = lambda *inputs: hidden[None]
    logits = masked(torch.zeros(1, 1), None, torch.arange(len(hidden)))
    torch.testing.assert_close(logits, nn.functional.gelu(hidden) @ after.T + masked.head.bias)


class Killed(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("at", [1, 2, 3])
def test_interrupted_it_ends_with_the_same_weights(masked, text, pieces, tmp_path, at):
    whole, cut = copy.deepcopy(masked), copy.deepcopy(masked)
    again = copy.deepcopy(masked)
    expected = pretrain(QUICK, whole, text, text, pieces)

    def kill(check):
        if check.step >= expected[at].step:
            raise Killed

    arguments = {"state": tmp_path / "state", "identity": "this one"}
    with pytest.raises(Killed):
        pretrain(QUICK, cut, text, text, pieces, on_check=kill, **arguments)
    told = []
    assert pretrain(QUICK, again, text, text, pieces, on_check=told.append, **arguments) == expected
    assert told == list(expected[at + 1 :])
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_state_of_something_else_is_refused(masked, text, pieces, tmp_path):
    state = tmp_path / "state"
    pretrain(replace(QUICK, epochs=1), masked, text, text, pieces, state=state, identity="one")
    with pytest.raises(CheckpointError, match="other data or settings"):
        pretrain(QUICK, masked, text, text, pieces, state=state, identity="two")


def test_seeds_differ_and_repeat(masked, text, pieces):
    losses = [
        pretrain(replace(QUICK, epochs=1, seed=seed), copy.deepcopy(masked), text, text, pieces)[-1].loss
        for seed in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("share", [0.4, 2.5])
def test_a_budget_of_tokens_is_kept_to(masked, text, pieces, share):
    budget = round(share * text.n_tokens)
    checks = pretrain(replace(QUICK, tokens=budget), masked, text, text, pieces)
    assert checks[-1].tokens == pytest.approx(budget, abs=QUICK.batch_tokens)


def test_no_text_is_an_error(masked, text, pieces):
    nothing = pack_documents([], build_tokenizer())
    for pair in ((nothing, text), (text, nothing)):
        with pytest.raises(DataError, match="too little text"):
            pretrain(QUICK, masked, *pair, pieces)
