"""Masked-language training on a field's own text, before a model is fine-tuned."""
