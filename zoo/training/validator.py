"""Evaluation during and after training, on everything that is not the training split."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from zoo.data.dataset import ImageDataset
from zoo.embedding.options import EmbedOptions
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.files import read_sealed, write_sealed
from zoo.metrics.evaluation import Evaluation
from zoo.models.kinds import AnyEmbedder, save_model
from zoo.progress import silent
from zoo.runs.folder import BEST, RESULTS
from zoo.runs.record import Row
from zoo.training.captions import ReadsText, captioned_split, evaluate_images_and_captions

CHEAP = 1000  # held-out images that may always be embedded once more
SHARE = 3  # images trained on for one that is embedded
TextSide = Callable[[AnyEmbedder], ReadsText]


class Validator:
    """Evaluates a run's model; keeps the best one of the periodic evaluations in `best/`.

    The best of many evaluations on test data is an optimistic number: results of a run are those
    of its last weights. `text_side` says who embeds the captions for a model: a frozen encoder, or
    the model itself; None evaluates by labels.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        out: Path,
        options: EmbedOptions,
        text_side: TextSide | None = None,
    ) -> None:
        held = [i for i, item in enumerate(dataset.items) if item.split != "train"]
        self.dataset, self.text_side = dataset.subset(held), text_side
        if text_side is not None and len(held):
            self.dataset = captioned_split(self.dataset)
        self.out, self.options = out, options

    def periodic(self, model: AnyEmbedder, step: int) -> Row | None:
        """Evaluate, keep the model if it is the best so far, return a row of the record."""
        quiet = replace(self.options, track=silent)  # within the bar of the steps
        found = self._evaluate(model, quiet)
        if found is None:
            return None
        if found.metrics[self._chosen_by] > self._best():
            save_model(model, self.out / BEST)
            write_sealed(self.out / BEST / RESULTS, {**found.as_json(), "step": step})
        return {"step": step, **found.metrics}

    def start(self, model: AnyEmbedder, trained: int) -> tuple[dict[str, float], str]:
        """Measure the untrained start on what `final` measures; say why where it does not.

        `trained` is the number of images that the updates go through: an image that is only
        embedded costs about a third of one, so this costs a tenth of the run at most.
        """
        held = len(self.dataset)
        if not held:
            return {}, "no image is held out: nothing was measured"
        if held > max(CHEAP, trained // SHARE):
            return {}, "the start was not measured: that are many, compare with rankzoo eval"
        with torch.random.fork_rng(devices=[]):  # the run draws as if nothing was measured
            found = self._evaluate(model, self.options)
        return (dict(found.metrics) if found else {}), ""

    def final(self, model: AnyEmbedder) -> Evaluation | None:
        """Evaluate the weights the run ends with; None when nothing is held out."""
        return self._evaluate(model, self.options)

    def _evaluate(self, model: AnyEmbedder, options: EmbedOptions) -> Evaluation | None:
        if not len(self.dataset):
            return None
        model.eval()
        if self.text_side is None:
            return evaluate_retrieval(model, self.dataset, options)
        return evaluate_images_and_captions(model, self.text_side(model), self.dataset, options)

    @property
    def _chosen_by(self) -> str:
        return "recall_at_1" if self.text_side is None else "rsum"

    def _best(self) -> float:
        path = self.out / BEST / RESULTS
        if not path.exists():
            return -1.0
        return float(read_sealed(path)["metrics"][self._chosen_by])
