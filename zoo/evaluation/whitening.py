"""The whitening of an evaluation: read from a file, or learned on images that it leaves out."""

import logging
from collections.abc import Iterable
from pathlib import Path

from zoo.data.dataset import ImageDataset
from zoo.data.open import open_dataset
from zoo.embedding.extract import Extractor
from zoo.embedding.whitening import (
    Whitening,
    learn_pair_whitening,
    learn_whitening,
    load_whitening,
    save_whitening,
)
from zoo.errors import UsageError
from zoo.evaluation.options import EvalOptions
from zoo.evaluation.queries import held_out, matching_pairs

LOG = logging.getLogger("rankzoo")


def whitening_of(
    extract: Extractor, options: EvalOptions, measured: Iterable[Path]
) -> tuple[Whitening | None, str]:
    """Return the whitening that is asked for, if any, and where it is from.

    `measured` are the image files that are searched or search. None of them is learned on, under
    whatever name they are given; a copy of one is another file, and is not recognised.

    Raises:
        UsageError: every image to learn on is measured.
    """
    asked = options.refine
    if asked.whiten_on is None:
        if asked.whitening is None:
            return None, ""
        return load_whitening(asked.whitening), f"read from {asked.whitening.name}"
    training = _training(options, asked.whiten_on, measured)
    vectors = extract(training.paths, "whitening")
    if asked.whiten_by == "pairs":
        learned = learn_pair_whitening(vectors, matching_pairs(training), asked.whitening_dim)
    else:
        learned = learn_whitening(vectors, asked.whitening_dim)
    if asked.whitening is not None:
        save_whitening(learned, asked.whitening)
    return learned, f"learned on {len(training)} images of {training.name}, none of them measured"


def _training(options: EvalOptions, path: Path, measured: Iterable[Path]) -> ImageDataset:
    """Return the training split of the data at `path`, or all of it, less what is measured."""
    by_pairs = options.refine.whiten_by == "pairs"
    found = open_dataset(None, path, on_bad_image=options.on_bad_image, require_labels=by_pairs)
    if path.resolve() == options.data.resolve():
        found = held_out(found)  # else a class could be learned on and measured
    if "train" in found.splits:
        found = found.split("train")
    files = {image.resolve() for image in measured}
    kept = [place for place, image in enumerate(found.paths) if image.resolve() not in files]
    if not kept:
        problem = f"--whiten-on {path}: all {len(found)} images to learn on are measured"
        raise UsageError(problem, "name data whose images are not measured")
    if left_out := len(found) - len(kept):
        LOG.warning(f"--whiten-on {path}: {left_out} images are measured, and not learned on")
    return found.subset(kept)
