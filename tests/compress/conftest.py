"""A model small enough to train in a second: 2 layers, width 32, with a WordPiece tokenizer of its own."""

import pytest
import tokenizers
import torch
from tokenizers import models, normalizers, pre_tokenizers, processors

from compress.encoder import EncoderConfig, TokenClassifier
from compress.features import encode_sentences
from extract.annotations import AnnotatedSentence, Span, tags_of

# Products this small only lose time to a second thread.
torch.set_num_threads(1)

TAGS = tags_of(["OS", "PFS"])
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["median", "os", "pfs", "was", "months", "rate", "and", "month", "progress", "##ion", "##s", "surviv"]


def build_tokenizer() -> tokenizers.Tokenizer:
    characters = "abcdefghijklmnopqrstuvwxyz0123456789.,-%()"
    pieces = [*SPECIAL, "[unused0]", *characters, *(f"##{character}" for character in characters), *WORDS]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def build_config(**changes) -> EncoderConfig:
    values = {
        "vocab_size": build_tokenizer().get_vocab_size(),
        "hidden_width": 32,
        "head_width": 8,
        "heads_per_layer": (4, 4),
        "neurons_per_layer": (64, 64),
        "max_positions": 64,
        "position_offset": 0,
        "layer_norm_eps": 1e-12,
        "dropout": 0.1,
        "labels": TAGS,
    }
    return EncoderConfig(**(values | changes))


def build_model(config: EncoderConfig | None = None, seed: int = 0) -> TokenClassifier:
    """Random weights, large enough that no layer is nearly the identity."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = TokenClassifier(config or build_config())
        for value in model.parameters():
            value.add_(torch.randn(value.shape) * 0.1)
    return model.eval()


def make_sentences(count: int = 24) -> list[AnnotatedSentence]:
    """Sentences with one value each, whose label the word before it tells."""
    sentences = []
    for index in range(count):
        label = ("OS", "PFS")[index % 2]
        value = f"{index + 3}.{index % 10} months"
        text = f"median {label} was {value}" + (" and progression" if index % 3 else "")
        start = text.index(value)
        span = Span(start, start + len(value), label)
        sentences.append(AnnotatedSentence(f"S{index}", f"D{index // 3}", text, (span,)))
    return sentences


@pytest.fixture(scope="session")
def tokenizer():
    return build_tokenizer()


@pytest.fixture
def model():
    return build_model()


@pytest.fixture(scope="session")
def sentences():
    return make_sentences()


@pytest.fixture(scope="session")
def features(tokenizer, sentences):
    return encode_sentences(sentences, tokenizer, TAGS)
