"""Engines that a benchmark times, each as a function from sentences to the tokens it went through.

Every peer runs as its own documentation says it is fastest on CPU: batches of 16 padded to their longest, in
order of length unless the published protocol (order of the file) is asked for, all cores in one process.
Bundles run as they do in production: batches of one length, one thread a process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BATCH_SIZE = 16
CALIBRATION = 128
"""Sentences that post-training quantisation sees."""

Run = Callable[[Sequence[str]], int]


def open_engine(kind: str, where: str) -> Run:
    """The engine of a kind: ``torch``, ``torch-sorted``, ``torch-bf16``, ``openvino``, ``ctranslate2`` on
    what :func:`prepare_peers` wrote or a checkpoint; ``bundle``, ``openvino-bundle`` on a bundle."""
    if kind.startswith("torch"):
        return _torch(where, by_length=kind != "torch", bf16=kind == "torch-bf16")
    return {
        "bundle": _bundle,
        "openvino-bundle": _openvino_bundle,
        "openvino": _openvino,
        "ctranslate2": _ctranslate2,
    }[kind](where)


def _batches(tokenizer: Any, sentences: Sequence[str], *, by_length: bool = True) -> Iterator[Any]:
    ordered = sorted(sentences, key=len) if by_length else sentences
    for first in range(0, len(ordered), BATCH_SIZE):
        yield tokenizer(list(ordered[first : first + BATCH_SIZE]), padding=True, return_tensors="np")


def _torch(checkpoint: str, *, by_length: bool, bf16: bool) -> Run:
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()
    torch.set_num_threads(os.cpu_count() or 1)

    def run(sentences: Sequence[str]) -> int:
        n_tokens = 0
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            for batch in _batches(tokenizer, sentences, by_length=by_length):
                model(**{name: torch.from_numpy(value) for name, value in batch.items()}).logits.argmax(
                    dim=-1
                )
                n_tokens += int(batch["attention_mask"].sum())
        return n_tokens

    return run


def _bundle(where: str) -> Run:
    from extract.bundle import open_bundle
    from extract.registry import find_bundle
    from extract.tagger import open_tagger

    tagger = open_tagger(open_bundle(find_bundle(where)))
    return lambda sentences: tagger.tag(sentences).n_computed


class OpenVinoSession:
    """OpenVINO in ONNX Runtime's place: what a tagger asks of a session, one thread."""

    def __init__(self, path: Path) -> None:
        import openvino

        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        self._request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()

    def run(self, names: Sequence[str], feeds: dict[str, Any]) -> list[Any]:
        return [self._request.infer(feeds)[0].copy()]


def _openvino_bundle(where: str) -> Run:
    from tokenizers import Tokenizer

    from extract.bundle import open_bundle
    from extract.registry import find_bundle
    from extract.tagger import Tagger, check_probe

    bundle = open_bundle(find_bundle(where))
    session: Any = OpenVinoSession(bundle.model_path)
    tagger = Tagger(bundle, session, Tokenizer.from_file(str(bundle.tokenizer_path)))
    check_probe(tagger, bundle.probe)
    return lambda sentences: tagger.tag(sentences).n_computed


def _openvino(where: str) -> Run:
    """``where``: an OpenVINO model beside its tokenizer's checkpoint; ``#bf16`` behind it asks for that."""
    import openvino
    from transformers import AutoTokenizer

    path, _, precision = where.partition("#")
    tokenizer = AutoTokenizer.from_pretrained(Path(path).parent)
    settings = {"INFERENCE_PRECISION_HINT": precision or "f32"}
    request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()

    def run(sentences: Sequence[str]) -> int:
        n_tokens = 0
        for batch in _batches(tokenizer, sentences):
            feeds = {name: batch[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
            request.infer(feeds)[0].argmax(axis=-1)
            n_tokens += int(batch["attention_mask"].sum())
        return n_tokens

    return run


def _ctranslate2(where: str) -> Run:
    """The encoder alone: CTranslate2 has no token classifier."""
    import ctranslate2
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(where)
    encoder = ctranslate2.Encoder(where, intra_threads=os.cpu_count() or 1, compute_type="int8")

    def run(sentences: Sequence[str]) -> int:
        ids = [tokenizer(list(sentences))["input_ids"]]
        ordered = sorted(ids[0], key=len)
        for first in range(0, len(ordered), BATCH_SIZE):
            np.asarray(encoder.forward_batch(ordered[first : first + BATCH_SIZE]).last_hidden_state)
        return sum(map(len, ordered))

    return run


def prepare_peers(checkpoint: str, folder: Path, sentences: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Convert a checkpoint for the peers that are installed. Name to kind and place; what fails is told."""
    folder.mkdir(parents=True, exist_ok=True)
    peers = {}
    for prepare in (_prepare_openvino, _prepare_ctranslate2):
        try:
            peers.update(prepare(checkpoint, folder, sentences))
        except Exception as exc:  # whatever a peer fails with, the others are still worth timing
            print(f"left out: {prepare.__name__[9:]}: {type(exc).__name__}: {str(exc).splitlines()[0]}")
    return peers


def _prepare_openvino(checkpoint: str, folder: Path, sentences: Sequence[str]) -> dict[str, tuple[str, str]]:
    peers = {
        "OpenVINO fp32": ("openvino", str(folder / "fp32.xml")),
        "OpenVINO, NNCF int8, rest fp32": ("openvino", str(folder / "int8.xml")),
        "OpenVINO, NNCF int8, rest bf16": ("openvino", str(folder / "int8.xml") + "#bf16"),
    }
    if (folder / "int8.xml").exists():
        return peers
    import nncf
    import openvino
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.save_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(checkpoint, attn_implementation="eager").eval()
    ids = torch.ones((2, 16), dtype=torch.int64)
    converted = openvino.convert_model(model, example_input={"input_ids": ids, "attention_mask": ids})
    openvino.save_model(converted, folder / "fp32.xml", compress_to_fp16=False)
    samples = [
        {name: batch[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
        for batch in (tokenizer(text, return_tensors="np") for text in sentences[:CALIBRATION])
    ]
    quantised = nncf.quantize(converted, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER)
    openvino.save_model(quantised, folder / "int8.xml", compress_to_fp16=False)
    return peers


def _prepare_ctranslate2(
    checkpoint: str, folder: Path, sentences: Sequence[str]
) -> dict[str, tuple[str, str]]:
    target = folder / "ctranslate2"
    if not target.exists():
        import json

        import ctranslate2
        from transformers import AutoTokenizer

        # Its converter asks for a setting that transformers 5 no longer has.
        source = folder / "for-ctranslate2"
        source.mkdir(exist_ok=True)
        for path in Path(checkpoint).iterdir():
            (source / path.name).write_bytes(path.read_bytes())
        settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
        settings["position_embedding_type"] = "absolute"
        (source / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        ctranslate2.converters.TransformersConverter(str(source)).convert(str(target), quantization="int8")
        AutoTokenizer.from_pretrained(checkpoint).save_pretrained(target)
    return {"CTranslate2 int8, encoder only": ("ctranslate2", str(target))}
