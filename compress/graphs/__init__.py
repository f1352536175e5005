"""ONNX graphs written from a model's weights: fp32, int8 and integer-only."""
