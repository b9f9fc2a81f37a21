"""Evaluation: embeddings and the field's protocols in, numbers with their definition out."""
