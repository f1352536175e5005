import pytest
import tokenizers
import torch
from tokenizers import models

from compress.errors import CheckpointError, DataError
from compress.vocabulary import share_respelled, trim_model, trim_vocabulary

TEXTS = ["median os was 9.5 months"]


def test_training_texts_are_spelled_as_before(tokenizer):
    trimmed = trim_vocabulary(tokenizer, TEXTS, target_size=0)
    assert share_respelled(tokenizer, trimmed.tokenizer, TEXTS) == 0.0
    assert trimmed.tokenizer.get_vocab_size() == len(trimmed.kept_ids) < tokenizer.get_vocab_size()


def test_dropped_pieces_are_spelled_by_shorter_ones_and_never_unknown(tokenizer):
    trimmed = trim_vocabulary(tokenizer, TEXTS, target_size=0).tokenizer
    assert tokenizer.encode("progression", add_special_tokens=False).tokens == ["progress", "##ion"]
    tokens = trimmed.encode("progression", add_special_tokens=False).tokens
    assert "[UNK]" not in tokens
    assert "".join(token.removeprefix("##") for token in tokens) == "progression"


def test_space_is_filled_by_use_in_the_sample_then_by_lowest_id(tokenizer):
    fixed = len(trim_vocabulary(tokenizer, [], target_size=0).kept_ids)
    vocab = tokenizer.get_vocab()
    by_use = trim_vocabulary(tokenizer, [], target_size=fixed + 1, sample=["rate rate month"])
    assert vocab["rate"] in by_use.kept_ids
    by_id = trim_vocabulary(tokenizer, [], target_size=fixed + 2)
    assert {vocab["median"], vocab["os"]} <= set(by_id.kept_ids)


def test_placeholders_are_never_kept_and_special_tokens_always(tokenizer):
    trimmed = trim_vocabulary(tokenizer, TEXTS, target_size=10_000).tokenizer
    assert trimmed.token_to_id("[unused0]") is None
    assert [trimmed.id_to_token(index) for index in range(5)] == [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
    ]
    assert trimmed.encode("median").tokens == ["[CLS]", "median", "[SEP]"]


def test_older_post_processor_form_is_renumbered(tokenizer):
    copy = tokenizers.Tokenizer.from_str(tokenizer.to_str())
    copy.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    trimmed = trim_vocabulary(copy, TEXTS, target_size=0).tokenizer
    encoding = trimmed.encode("median")
    assert encoding.ids == [trimmed.token_to_id(token) for token in ("[CLS]", "median", "[SEP]")]


def test_trimmed_model_answers_as_before_where_spelling_is_unchanged(tokenizer, model):
    trimmed = trim_vocabulary(tokenizer, TEXTS, target_size=0)
    small = trim_model(model, trimmed.kept_ids)
    before = torch.tensor([tokenizer.encode(TEXTS[0]).ids])
    after = torch.tensor([trimmed.tokenizer.encode(TEXTS[0]).ids])
    assert torch.equal(small(after), model(before))
    assert small.config.vocab_size == len(trimmed.kept_ids)


def test_other_kinds_of_tokenizer_are_refused():
    byte_pairs = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    with pytest.raises(CheckpointError, match="WordPiece"):
        trim_vocabulary(byte_pairs, TEXTS, target_size=10)


def test_a_tokenizer_larger_than_the_embedding_table_is_refused(model):
    with pytest.raises(CheckpointError, match="vocabulary too large"):
        trim_model(model, (0, model.config.vocab_size))


def test_comparing_on_no_words_is_refused(tokenizer):
    with pytest.raises(DataError, match="no words"):
        share_respelled(tokenizer, tokenizer, [])
