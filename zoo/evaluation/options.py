"""What `rankzoo eval` is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.data.dataset import OnBadImage
from zoo.errors import UsageError
from zoo.evaluation.protocols import PROTOCOLS
from zoo.search.reranking import Reranking


@dataclass(frozen=True)
class Job:
    """Data, protocol, and how the models are run.

    protocol: a key of `PROTOCOLS`; empty: that of the public set found at `data`, else labels.
    split: search this split with its own images; `all` everything.
    text_model: for captions, the text encoder whose space the model's images are in.
    embeddings: a folder to keep embeddings in, so that an interrupted run goes on.
    whiten_on: a set to learn PCA whitening on (kept in `whitening`, if given); else `whitening` is
    read. Counts of neighbours and scales: see `Refinement` and `MultiScale`; image_size: see
    `WholeImages`.
    """

    data: Path
    protocol: str = ""
    split: str = ""
    seed: int = 0
    batch_size: int = 64
    workers: int = 0
    device: str = "cpu"
    on_bad_image: OnBadImage = "fail"
    offline: bool = False
    text_model: str = ""
    embeddings: Path | None = None
    distractors: Path | None = None
    query_image: Literal["crop", "whole"] = "crop"
    whiten_on: Path | None = None
    whitening: Path | None = None
    whitening_dim: int | None = None
    augmentation: int = 0
    expansion: int = 0
    alpha: float = 0.0
    reranking: Reranking | None = None
    scales: tuple[float, ...] = (1.0,)
    image_size: int | None = None

    def __post_init__(self) -> None:
        if self.protocol and self.protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            raise UsageError(f"no protocol is called {self.protocol!r}", f"protocols: {known}")
