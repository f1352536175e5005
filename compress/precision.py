"""Responsible for the number format that training and teachers' passes run in."""

from __future__ import annotations

import torch


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it would only be slower."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def autocast(enabled: bool) -> torch.autocast:
    """A context in which matrix products run in bfloat16, where ``enabled``."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)
