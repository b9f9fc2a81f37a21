"""Evaluate a model: by its kind, and by the kind of protocol that the data asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.data.levels import say_crossings
from zoo.data.open import open_dataset
from zoo.data.readers import recognise
from zoo.embedding.extract import Extractor
from zoo.embedding.sides import text_side
from zoo.embedding.sizes import described_input
from zoo.errors import UsageError
from zoo.evaluation.captions import evaluate_captions
from zoo.evaluation.images import Measured, evaluate_images
from zoo.evaluation.landmarks import evaluate_listed, evaluate_revisited
from zoo.evaluation.options import EvalOptions
from zoo.evaluation.protocols import BY_DATASET, PROTOCOLS, Protocol
from zoo.evaluation.queries import (
    Task,
    each_level,
    held_out,
    places_of,
    query_lists,
    random_galleries,
    task_of,
)
from zoo.evaluation.refinement import NOTHING, Refinement
from zoo.evaluation.revisited import read_revisited
from zoo.evaluation.scores import evaluate_scores
from zoo.evaluation.subject import Subject, extractor_of, text_encoder_of
from zoo.evaluation.whitening import whitening_of
from zoo.metrics.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a job found for one model: plain, and refined when a refinement was asked for.

    `measured` holds the vectors behind image protocols, for a report.
    """

    model: str
    evaluations: Sequence[Evaluation]
    measured: Measured | None = None

    @property
    def final(self) -> Evaluation:
        """The evaluation with everything that was asked for."""
        return self.evaluations[-1]


def evaluate_scorer(subject: Subject, options: EvalOptions) -> Outcome:
    """Evaluate a model that scores classes or values, on a split of the data."""
    embed = options.embed
    model: Any = subject.model.to(embed.device)
    split = options.split or "test"
    found = evaluate_scores(model, options.data, split, how=options)
    return Outcome(subject.name, [found])


def evaluate_embedder(subject: Subject, options: EvalOptions) -> Outcome:
    """Evaluate a model that embeds images, under the protocol asked for or that of the data."""
    options.refine.require_data()
    extract = extractor_of(subject, options)
    chosen = options.protocol or _protocol_of(options)
    kind = PROTOCOLS[chosen].kind
    if kind == "classes":
        raise UsageError(
            f"{chosen} needs a model that scores classes",
            "train one: rankzoo train voc07-vgg16-sodeep",
        )
    options.require_use(chosen)
    measured = None
    if kind == "captions":
        found: Sequence[Evaluation] = [_captions(subject, extract, options, chosen)]
    elif kind == "landmarks":
        found = _landmarks(extract, options, chosen)
    elif kind == "lists":
        dataset = _dataset(options, PROTOCOLS[chosen])
        found = evaluate_listed(extract, dataset, _refinements(extract, options, dataset.paths))
    else:
        measured = _images(extract, options, chosen)
        found = measured.evaluations
    shape = described_input(extract.model)
    told = [replace(e, options={**shape, **e.options}) for e in found]
    return Outcome(subject.name, told, measured)


def _protocol_of(options: EvalOptions) -> str:
    """Return the protocol of a public set, of labels, or of images that have captions alone."""
    data, how = options.data, options.on_bad_image
    known = recognise(data)
    if known is None and data.is_file():
        dataset = open_dataset(None, data, on_bad_image=how, require_labels=False)
        if not dataset.levels and any(item.captions for item in dataset.items):
            return "captions"
    return BY_DATASET.get(known or "", "labels")


def _landmarks(extract: Extractor, options: EvalOptions, name: str) -> list[Evaluation]:
    truth = read_revisited(options.data, name)
    refinements = _refinements(extract, options, (*truth.gallery, *truth.queries))
    bad = options.on_bad_image
    return evaluate_revisited(extract, truth, options.landmarks, refinements, bad)


def _images(extract: Extractor, options: EvalOptions, name: str) -> Measured:
    protocol = PROTOCOLS[name]
    dataset = _dataset(options, protocol)
    say_crossings(dataset, len(dataset.levels))
    tasks = _tasks(dataset, options, protocol, name)
    refinements = _refinements(extract, options, dataset.subset(places_of(tasks)).paths)
    return evaluate_images(extract, dataset, tasks, protocol.ks, refinements)


def _dataset(options: EvalOptions, protocol: Protocol) -> ImageDataset:
    dataset = open_dataset(protocol.dataset, options.data, on_bad_image=options.on_bad_image)
    return dataset if protocol.dataset else held_out(dataset)


def _tasks(
    dataset: ImageDataset, options: EvalOptions, protocol: Protocol, name: str
) -> list[Task]:
    if protocol.draws > 1:
        return random_galleries(dataset, protocol.draws, options.seed)
    if protocol.over == "lists" and not options.split:
        return query_lists(dataset)
    if protocol.over == "levels":
        return each_level(dataset, options.split)
    task = task_of(dataset, options.split)
    if name == "labels":
        return [task]
    definition = f"{protocol.definition} Here: {task.definition}."
    return [Task(name, definition, task.queries, task.gallery, task.itself)]


def _refinements(
    extract: Extractor, options: EvalOptions, measured: Iterable[Path]
) -> list[Refinement]:
    """Return nothing first, then what was asked for, so that its effect is seen."""
    asked = options.refine
    whitening, whitened_by = whitening_of(extract, options, measured)
    refinement = Refinement(
        whitening=whitening,
        whitened_by=whitened_by,
        augmentation=asked.augmentation,
        expansion=asked.expansion,
        alpha=asked.alpha,
        reranking=asked.reranking,
    )
    return [NOTHING, refinement] if refinement.described else [NOTHING]


def _captioned(options: EvalOptions, protocol: Protocol) -> ImageDataset:
    """Return the test images of a set of captions; of one's own, else those training holds out."""
    how = options.on_bad_image
    if protocol.dataset:
        return open_dataset(protocol.dataset, options.data, on_bad_image=how).split("test")
    found = open_dataset(None, options.data, on_bad_image=how, require_labels=False)
    dataset = held_out(found)
    usual = next((name for name in ("test", "query", "val") if name in dataset.splits), "test")
    split = options.split or usual
    return dataset if split == "all" else dataset.split(split)


def _captions(subject: Subject, extract: Extractor, options: EvalOptions, name: str) -> Evaluation:
    protocol = PROTOCOLS[name]
    embed_texts: Any = text_side(text_encoder_of(subject, options))
    dataset = _captioned(options, protocol)
    texts = [text for item in dataset.items for text in item.captions]
    owner = [i for i, item in enumerate(dataset.items) for _ in item.captions]
    captions: Tensor = embed_texts(texts, batch_size=options.embed.batch_size)
    found = evaluate_captions(
        extract(dataset.paths, "captions"),
        captions,
        torch.tensor(owner),
        texts=texts,
        folds=protocol.draws,
    )
    return replace(found, protocol=name, definition=protocol.definition)
