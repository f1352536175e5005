"""Responsible for opening ONNX Runtime sessions: one thread, final graph, weights of its own or shared."""

from __future__ import annotations

import platform
from pathlib import Path

import onnxruntime

from extract.bundle import MODEL, ModelBundle, Shape
from extract.errors import BundleError
from extract.weights import GRAPH, WEIGHTS, require_weights, weights_key

WORTH_SHARING = 4 * 2**20
"""Bytes of a model from which on its weights are shared; below, a copy costs less than the trouble."""


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session with weights of its own.

    :raises BundleError: when the file is no model.
    """
    return _load(path, session_options(saturates=products_saturate()))


def can_share(bundle: ModelBundle) -> bool:
    """Whether it is worth while, tried on such a machine, and the weights lie where kernels can read them."""
    large = bundle.files[MODEL].n_bytes >= WORTH_SHARING
    return large and platform.system() == "Linux" and not products_saturate() and is_aligned(bundle.shape)


def is_aligned(shape: Shape) -> bool:
    """Whether all weights of a shape begin at multiples of 64 bytes when they are written one after another.

    ONNX Runtime 1.31 writes them so, without gaps, and its kernels end the process where a mapped one begins
    elsewhere. Each width or count is the length of some vector of fp32, or of int8 times the hidden width.
    """
    widths = [heads * shape.head_width for heads in shape.heads_per_layer]
    counts = [shape.vocab_size, *widths, *shape.neurons_per_layer]
    return shape.hidden_width % 64 == 0 and all(count % 16 == 0 for count in counts)


def open_shared_session(bundle: ModelBundle, folder: Path) -> onnxruntime.InferenceSession:
    """A session whose weights are mapped from ``folder``, where they are put if this is the first.

    The products are the same to the last bit.

    :raises BundleError: when the folder or what is in it is not to be trusted, or cannot be written.
    """

    def write(aside: Path) -> None:
        options = session_options(saturates=False)
        options.optimized_model_filepath = str(aside / GRAPH)
        prefix = "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{prefix}_file_name", WEIGHTS)
        options.add_session_config_entry(f"{prefix}_min_size_in_bytes", "1024")
        options.add_session_config_entry("session.save_external_prepacked_constant_initializers", "1")
        _load(bundle.model_path, options)

    key = weights_key(bundle.files[MODEL].sha256, onnxruntime.__version__)
    return _load(require_weights(folder, key, write), session_options(saturates=False))


def _load(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
    except Exception as exc:  # the runtime's exceptions share no public base class
        raise BundleError(
            "the model does not load", str(path), str(exc), "an ONNX model", "install the bundle again"
        ) from exc


def session_options(*, saturates: bool) -> onnxruntime.SessionOptions:
    """How a session is opened here.

    :param saturates: whether 8-bit products overflow on this CPU and the slower, exact ones are needed.
    """
    options = onnxruntime.SessionOptions()
    # One thread a worker process: explicit, since the default pins threads to cores and fails under cgroups.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Lengths differ from batch to batch, so planned memory patterns would never be reused.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    # The graph is emitted in its final form; optimising it further finds nothing (docs/performance.md).
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    if saturates:
        # The switch is obeyed by a late optimisation, so it needs all of them. It is no no-op on a CPU with
        # VNNI, where it nearly halves the speed.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def products_saturate() -> bool:
    """Whether 8-bit products overflow 16 bits on this CPU: x86-64 before VNNI."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return not ("avx512_vnni" in flags or "avx_vnni" in flags)
