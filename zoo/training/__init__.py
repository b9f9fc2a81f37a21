"""Training: very large batches, several processes, exact resume."""
