"""Simple recurrent units against their equations, written out."""

import math

import pytest
import torch
from torch import Tensor

from zoo.models.sru import SRU, SRULayer


def by_the_equations(layer: SRULayer, x: Tensor) -> Tensor:
    """One text through one layer, unit by unit and token by token, as Lei et al. write it."""
    weights = layer.products.weight.tolist()
    d, forget, reset = layer.width, layer.bias[0].tolist(), layer.bias[1].tolist()

    def product(row: list[float], token: list[float]) -> float:
        return sum(w * value for w, value in zip(row, token, strict=True))

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    states = torch.zeros(len(x), d)
    for unit in range(d):
        c = 0.0
        for t, token in enumerate(x.tolist()):
            z = product(weights[unit], token)
            f = sigmoid(product(weights[d + unit], token) + forget[unit])
            r = sigmoid(product(weights[2 * d + unit], token) + reset[unit])
            wide = len(token) != d
            skip = product(weights[3 * d + unit], token) if wide else token[unit]
            c = f * c + (1 - f) * z
            states[t, unit] = r * math.tanh(c) + (1 - r) * skip
    return states


@pytest.mark.parametrize("wide", [3, 5])
def test_a_layer_is_its_equations(wide: int) -> None:
    torch.manual_seed(0)
    layer = SRULayer(wide, 5).eval()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 7, wide)
    expected = torch.stack([by_the_equations(layer, text) for text in x])
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-6)


def test_layers_read_each_other_from_left_to_right() -> None:
    torch.manual_seed(0)
    model = SRU(3, 4, layers=3, dropout=0.25).eval()
    x = torch.randn(2, 6, 3)
    expected = x
    for layer in model.layers:
        assert isinstance(layer, SRULayer)
        expected = torch.stack([by_the_equations(layer, text) for text in expected])
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
    later = x.clone()
    later[:, 4:] = 9.0  # what comes later, padding too, changes nothing before it
    torch.testing.assert_close(model(later)[:, :4], model(x)[:, :4])


def test_dropout_has_one_mask_for_all_tokens_of_a_text() -> None:
    torch.manual_seed(0)
    layer = SRULayer(64, 64, dropout=0.5)
    x = torch.ones(2, 9, 64)
    dropped = layer._dropped(x)
    assert set(dropped.flatten().tolist()) == {0.0, 2.0}
    assert torch.equal(dropped, dropped[:, :1].expand_as(x))
    assert not torch.equal(dropped[0], dropped[1])


def test_the_last_layer_drops_nothing_of_its_states() -> None:
    torch.manual_seed(0)
    for last in (True, False):
        layer = SRULayer(64, 64, dropout=0.5, last=last)
        x = torch.randn(1, 1, 64)
        passed = (layer(x) - x).abs() < 1e-7  # where tanh(c) - x is dropped, x alone is passed on
        assert bool(passed.any()) is not last


def test_weights_start_as_wide_as_what_is_not_dropped_asks() -> None:
    torch.manual_seed(0)
    middle, last = (SRULayer(300, 200, dropout=0.25, last=last) for last in (False, True))
    bound = math.sqrt(3 / 300 * 0.75)
    for layer, share in ((middle, math.sqrt(0.75)), (last, 1.0)):
        candidate, gates = layer.products.weight[:200], layer.products.weight[200:]
        assert candidate.abs().max().item() == pytest.approx(share * bound, rel=1e-3)
        assert gates.abs().max().item() == pytest.approx(bound, rel=1e-3)
        assert not layer.bias.any()
