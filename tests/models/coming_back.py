"""What two towers must be after they were saved: the same, to the last bit."""

from pathlib import Path

import torch

import zoo
from zoo.models.two_towers import TwoTowers, save_two_towers


def assert_comes_back(model: TwoTowers, folder: Path, texts: list[str]) -> None:
    """Save two towers, load them by their folder and hold both sides to the model's own."""
    save_two_towers(model, folder)
    again = zoo.load(str(folder))
    assert isinstance(again, TwoTowers)
    assert again.config == model.config
    batch = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(again(batch), model(batch), rtol=0, atol=0)
    torch.testing.assert_close(again.embed_texts(texts), model.embed_texts(texts), rtol=0, atol=0)
