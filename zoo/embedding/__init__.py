"""Embedding: a dataset and a model in, vectors out, kept on disk and resumable."""
