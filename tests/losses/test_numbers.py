"""What a loss makes of scores that are not numbers: an error, never a value.

Embedding losses look at the embeddings (test_contract), whose products are their scores; those on
scores or logits look at them. The N x N table that the sweep makes is never looked at.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.errors import DataError
from zoo.losses import (
    DetectionALRP,
    DetectionAP,
    DetectionBlackboxAP,
    RankSort,
    SoDeepMAP,
    SoDeepRecall,
    SoDeepSpearman,
)

POSITIVE = torch.tensor([[True, False, False], [False, True, False], [True, False, True]])
ON_SCORES: dict[str, Callable[[Tensor], object]] = {
    "detection_ap": lambda s: DetectionAP()(s, POSITIVE),
    "detection_alrp": lambda s: DetectionALRP()(s, POSITIVE, torch.full((5,), 0.3)[:4]),
    "detection_blackbox_ap": lambda s: DetectionBlackboxAP()(s, POSITIVE),
    "rank_sort": lambda s: RankSort()(s, POSITIVE.float() * 0.7),
    "sodeep_map": lambda s: SoDeepMAP()(s, POSITIVE.float()),
    "sodeep_recall": lambda s: SoDeepRecall()(s),
    "sodeep_spearman": lambda s: SoDeepSpearman()(s, torch.rand(3, 3)),
}


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("name", ON_SCORES)
def test_a_score_that_is_no_number_is_an_error(name: str, place: int) -> None:
    scores = torch.arange(9.0).reshape(3, 3)
    scores.view(-1)[place] = torch.nan
    with pytest.raises(DataError, match="nan cannot be ranked"):
        ON_SCORES[name](scores)
