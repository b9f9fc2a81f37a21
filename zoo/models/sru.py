"""Simple recurrent units: a recurrence without matrix products in its steps."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

Inputs = Float[Tensor, "text token wide"]
States = Float[Tensor, "text token width"]


class SRULayer(nn.Module):
    """One layer of simple recurrent units (Lei et al., EMNLP 2018, first version of 2017).

    At each token, with z, f and r products of the input x:

        c_t = f c_(t-1) + (1 - f) z,  f = sigmoid(W_f x + b_f)
        h_t = r tanh(c_t) + (1 - r) x,  r = sigmoid(W_r x + b_r)

    where a fourth product stands for the last x if the widths differ. `dropout` drops, with one
    mask for all tokens of a text, what the products see and, unless `last`, tanh(c) - x.
    """

    def __init__(self, wide: int, width: int, dropout: float = 0.0, *, last: bool = False) -> None:
        super().__init__()
        self.width, self.dropout, self.last = width, dropout, last
        self.products = nn.Linear(wide, width * (3 if wide == width else 4), bias=False)
        self.bias = nn.Parameter(torch.zeros(2, width))  # of f and r
        bound = (3 * (1 - dropout) / wide) ** 0.5  # the variance 1 / wide, less what is dropped
        nn.init.uniform_(self.products.weight, -bound, bound)
        if not last:
            with torch.no_grad():
                self.products.weight[:width] *= (1 - dropout) ** 0.5

    def forward(self, x: Inputs) -> States:
        """Return the states of every token."""
        z, f, r, *skip = self.products(self._dropped(x)).float().split(self.width, dim=2)
        passed = skip[0] if skip else x
        keep, gate = (f + self.bias[0]).sigmoid(), (r + self.bias[1]).sigmoid()
        memory = recurrence(keep, (1 - keep) * z).tanh() - passed
        states: Tensor = gate * (memory if self.last else self._dropped(memory)) + passed
        return states

    def _dropped(self, x: States) -> States:
        if not self.training or not self.dropout:
            return x
        return x * nn.functional.dropout(torch.ones_like(x[:, :1]), self.dropout)


class SRU(nn.Module):
    """Layers of simple recurrent units, one on the other, read from left to right."""

    def __init__(self, wide: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                SRULayer(width if n else wide, width, dropout, last=n == layers - 1)
                for n in range(layers)
            )
        )

    def forward(self, x: Inputs) -> States:
        """Return the last layer's states of every token."""
        states: Tensor = self.layers(x)
        return states


def recurrence(keep: States, fresh: States) -> States:
    """Return c_t = keep_t c_(t-1) + fresh_t at every token t, from c = 0 on.

    >>> recurrence(torch.full((1, 3, 1), 0.5), torch.ones(1, 3, 1)).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    memory, found = torch.zeros_like(fresh[:, 0]), []
    for kept, new in zip(keep.unbind(dim=1), fresh.unbind(dim=1), strict=True):
        memory = kept * memory + new
        found.append(memory)
    return torch.stack(found, dim=1)
