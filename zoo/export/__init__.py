"""Embedders for other programs: ONNX and torch.export files, checked number by number."""
