"""Models of a given size with random weights: what they answer means nothing, how fast they are does.

    python benchmarks/make_shape.py --shape base --to DIR

Writes ``DIR/checkpoint`` (dense, for transformers) and the bundles ``DIR/dense``, ``DIR/int8`` and
``DIR/pruned25-int8``: a quarter of all heads and neurons left out, in every layer alike. The tokenizer is
the embedded model's, so that tokens are the same for all. The head is biased to ``O``: nothing is decoded.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer

from compress.building.publish import Draft, write_draft
from compress.checkpoint import write_checkpoint
from compress.encoder import EncoderConfig, TokenClassifier
from compress.graphs.calibrate import calibrate
from compress.graphs.emit import emit
from extract.bundle import ModelBundle, open_bundle
from extract.registry import find_bundle

SHAPES = {
    "minilm": (6, 384, 12, 1536),
    "distilbert": (6, 768, 12, 3072),
    "base": (12, 768, 12, 3072),
    "large": (24, 1024, 16, 4096),
}
"""Layers, hidden width, heads and neurons a layer."""
PRUNED = 0.25


def random_model(shape: str, embedded: ModelBundle, *, removed: float) -> TokenClassifier:
    """A model of a shape, a share of whose heads and neurons is left out."""
    layers, hidden, heads, neurons = SHAPES[shape]
    config = EncoderConfig(
        vocab_size=embedded.shape.vocab_size,
        hidden_width=hidden,
        head_width=hidden // heads,
        heads_per_layer=(round(heads * (1 - removed)),) * layers,
        neurons_per_layer=(round(neurons * (1 - removed)),) * layers,
        max_positions=512,
        position_offset=0,
        layer_norm_eps=1e-12,
        dropout=0.1,
        labels=embedded.tags,
    )
    torch.manual_seed(0)
    model = TokenClassifier(config).eval()
    with torch.no_grad():
        model.classifier.bias.zero_()
        model.classifier.bias[embedded.tags.index("O")] = 100.0
    return model


def write_variant(folder: Path, model: TokenClassifier, embedded: ModelBundle, *, int8: bool) -> None:
    """One bundle. ``folder`` is made."""
    folder.mkdir(parents=True)
    scales = calibrate(model, [torch.randint(4, model.config.vocab_size, (8, 64))]) if int8 else None
    draft = Draft(
        name=folder.name,
        onnx_model=emit(model, scales, max_tokens=embedded.reading.max_tokens),
        tokenizer=Tokenizer.from_file(str(embedded.tokenizer_path)),
        config=model.config,
        reading=embedded.reading,
        macs_removed=0.0,
        lineage=({"step": "random weights"},),
    )
    write_draft(folder, draft)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=sorted(SHAPES), required=True)
    parser.add_argument("--to", type=Path, required=True, help="a folder that does not exist yet")
    options = parser.parse_args()

    embedded = open_bundle(find_bundle("pruned25-int8"))
    dense = random_model(options.shape, embedded, removed=0.0)
    write_checkpoint(options.to / "checkpoint", dense, Tokenizer.from_file(str(embedded.tokenizer_path)), ())
    write_variant(options.to / "dense", dense, embedded, int8=False)
    write_variant(options.to / "int8", dense, embedded, int8=True)
    pruned = random_model(options.shape, embedded, removed=PRUNED)
    write_variant(options.to / "pruned25-int8", pruned, embedded, int8=True)


if __name__ == "__main__":
    main()
