"""The mathematics of ranking: tensors in, tensors out. Formulas in the README beside this file."""

from zoo.ranking.blackbox import blackbox_rank

__all__ = ["blackbox_rank"]
