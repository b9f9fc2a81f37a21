"""What `rankzoo eval` is asked to do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from zoo.embedding.options import EmbedOptions
from zoo.errors import UsageError
from zoo.evaluation.protocols import PROTOCOLS
from zoo.search.options import ALPHA, Reranking


@dataclass(frozen=True)
class InputOptions:
    """How images become a network's input.

    At several scales (`MultiScale`), or whole, the longer side `image_size` (`WholeImages`).
    """

    image_size: int | None = None
    scales: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class RefineOptions:
    """What is done to embeddings before ranking; see `Refinement` for counts of neighbours.

    whiten_on: a set to learn whitening on (kept in `whitening`, if given), with `whitening_dim`
    dimensions, by `pca` or from `pairs` of images that share a label; else `whitening` is read.
    """

    whiten_on: Path | None = None
    whitening: Path | None = None
    whitening_dim: int | None = None
    whiten_by: Literal["pca", "pairs"] = "pca"
    augmentation: int = 0
    expansion: int = 0
    alpha: float = ALPHA
    reranking: Reranking | None = None

    def require_data(self) -> None:
        """Raise when it is said how to learn a whitening or weigh neighbours, and not which.

        Raises:
            UsageError: naming the option that is missing.
        """
        if self.alpha != ALPHA and not (self.augmentation or self.expansion):
            problem = (
                "--alpha weighs the neighbours of --augment and --expand, and none is asked for"
            )
            raise UsageError(problem, "add one of them")
        if self.whiten_on is None and (self.whiten_by != "pca" or self.whitening_dim is not None):
            raise UsageError(
                "--whiten-by and --whitening-dim say how whitening is learned, and none is",
                "name the data to learn on: --whiten-on DATA",
            )


@dataclass(frozen=True)
class LandmarkOptions:
    """How ROxford and RParis are measured.

    distractors: a folder with a folder of images per shard. query_image: cut to its box or not;
    None cuts too.
    """

    distractors: Path | None = None
    query_image: Literal["crop", "whole"] | None = None


@dataclass(frozen=True)
class EvalOptions:
    """Data, protocol, and how the models are run.

    protocol: a key of `PROTOCOLS`; empty: that of the public set found at `data`, else labels.
    split: search this split with its own images; `all` everything.
    text_model: for captions, the text encoder whose space the model's images are in; by default
    the one a run was trained against.
    embeddings: a folder to keep embeddings in, so that an interrupted run goes on.
    """

    data: Path
    protocol: str = ""
    split: str = ""
    seed: int = 0
    on_bad_image: Literal["fail", "skip"] = "fail"
    offline: bool = False
    text_model: str = ""
    embeddings: Path | None = None
    input: InputOptions = InputOptions()
    refine: RefineOptions = RefineOptions()
    landmarks: LandmarkOptions = LandmarkOptions()
    embed: EmbedOptions = field(default_factory=EmbedOptions)

    def __post_init__(self) -> None:
        if self.protocol and self.protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            raise UsageError(f"no protocol is called {self.protocol!r}", f"protocols: {known}")

    def require_use(self, protocol: str) -> None:
        """Raise when the protocol makes no use of something that is asked for.

        Raises:
            UsageError: naming the protocol and the options.
        """
        rule = PROTOCOLS[protocol]
        landmarks, captions = rule.kind == "landmarks", rule.kind == "captions"
        skipping = self.on_bad_image == "skip" and self.landmarks.distractors is None
        unused = {
            "--split, since it says itself what is searched": rule.names_images and self.split,
            "--whiten-on, --whitening, --augment, --expand, --rerank": captions
            and self.refine != RefineOptions(),
            "--distractors, --query-image": not landmarks and self.landmarks != LandmarkOptions(),
            "--on-bad-image skip without --distractors, since its answers are numbered": landmarks
            and skipping,
            "--text-model": not captions and self.text_model,
        }
        for options, asked in unused.items():
            if asked:
                raise UsageError(f"protocol {protocol} makes no use of {options}", "leave it out")


@dataclass(frozen=True)
class ReportOptions:
    """What becomes of a result.

    confidence: add 95 % intervals. report: a folder for a page. save: keep each result, with the
    `command` that measured it, in the model's run folder.
    """

    confidence: bool = False
    report: Path | None = None
    save: bool = False
    command: str = ""
