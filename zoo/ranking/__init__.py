"""The mathematics of ranking: tensors in, tensors out. Formulas in the README beside this file."""
