"""Responsible for the number format that training and teachers' passes run in."""

from __future__ import annotations

import torch


def has_bf16(device: str = "cpu") -> bool:
    """Whether this processor (or GPU) multiplies bfloat16 in hardware; elsewhere it would only be slower."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def autocast(enabled: bool, device: str = "cpu") -> torch.autocast:
    """A context in which matrix products on ``device`` run in bfloat16, where ``enabled``."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=enabled)
