"""Cross-batch memory: rank against the embeddings of past batches too."""

import torch
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_whole


class CrossBatchMemory(nn.Module):
    """Wraps any embedding loss: `(1 - weight)` of the batch's own, `weight` against the memory.

    Wang et al., Cross-Batch Memory for Embedding Learning, CVPR 2020. The last `size` embeddings
    are kept without gradient; the current batch ranks itself and them together. Published sizes:
    CUB 5824, SOP 59551, iNaturalist 60000 (ROADMAP). `levels` is the number of label columns.
    The memory is part of the state dict, so a resumed run continues with it.
    """

    embeddings: Tensor
    labels: Tensor
    written: Tensor
    decomposes = False

    def __init__(
        self, loss: nn.Module, size: int, dim: int, *, weight: Number = 0.5, levels: int = 1
    ) -> None:
        super().__init__()
        check_whole(size=size, dim=dim, levels=levels)
        if not 0 <= weight <= 1:
            raise UsageError(f"weight is {weight!r}", "weight must be between 0 and 1")
        self.loss = loss
        self.weight = weight
        self.register_buffer("embeddings", torch.zeros(size, dim))
        self.register_buffer("labels", torch.zeros(size, levels, dtype=torch.int64))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of the batch, then remember it (in training mode)."""
        own: Tensor = self.loss(embeddings, labels)
        if embeddings.shape[1] != self.embeddings.shape[1]:
            raise UsageError(
                f"embeddings of dimension {embeddings.shape[1]}",
                f"the memory was made with dim={self.embeddings.shape[1]}",
            )
        columns = 1 if labels.ndim == 1 else labels.shape[1]
        if columns != self.labels.shape[1]:
            raise UsageError(
                f"labels of {columns} levels",
                f"the memory was made with levels={self.labels.shape[1]}",
            )
        held = min(int(self.written), len(self.embeddings))
        if held:
            past = self.labels[:held, 0] if labels.ndim == 1 else self.labels[:held]
            gallery = torch.cat([embeddings, self.embeddings[:held].to(embeddings.dtype)])
            places = torch.arange(len(labels), device=labels.device)
            across = self.loss(embeddings, labels, gallery, torch.cat([labels, past]), places)
            own = (1 - self.weight) * own + self.weight * across
        if self.training:
            self._remember(embeddings.detach(), labels)
        return own

    def _remember(self, embeddings: Tensor, labels: Tensor) -> None:
        size = len(self.embeddings)
        kept = embeddings[-size:]
        places = (int(self.written) + torch.arange(len(kept), device=kept.device)) % size
        self.embeddings[places] = kept.to(self.embeddings.dtype)
        self.labels[places] = (labels if labels.ndim == 2 else labels[:, None])[-size:].long()
        self.written += len(kept)
