"""Run one model through a job: load it, read the data, dispatch on the kind of protocol."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.data.open import open_dataset
from zoo.data.readers import recognise
from zoo.device import pick_device
from zoo.embedding.extract import Extractor
from zoo.embedding.sizes import MultiScale, WholeImages, described_input
from zoo.embedding.whitening import Whitening, learn_whitening, load_whitening, save_whitening
from zoo.errors import UsageError
from zoo.evaluation.captions import evaluate_captions
from zoo.evaluation.images import Measured, evaluate_images
from zoo.evaluation.landmarks import evaluate_listed, evaluate_revisited
from zoo.evaluation.options import Job
from zoo.evaluation.protocols import BY_DATASET, PROTOCOLS, Protocol
from zoo.evaluation.queries import Task, held_out, query_lists, random_galleries, task_of
from zoo.evaluation.refinement import NOTHING, Refinement
from zoo.evaluation.scores import evaluate_scores
from zoo.files import sha256_of
from zoo.hub.resolve import resolve_model
from zoo.metrics.evaluation import Evaluation
from zoo.models.scorer import Scorer
from zoo.progress import Track, silent
from zoo.tasks import load, load_folder


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


def run_job(name: str, job: Job, track: Track = silent) -> Outcome:
    """Evaluate the model called `name`.

    Raises:
        RankzooError: the model, the data or an option cannot be used; it says which.
    """
    folder = resolve_model(name, offline=job.offline, track=track)
    extract = _extractor(folder, job, track)
    outcome = _dispatch(name, extract, job)
    shape = described_input(extract.model)
    told = [replace(e, options={**shape, **e.options}) for e in outcome.evaluations]
    return replace(outcome, evaluations=told)


def _dispatch(name: str, extract: Extractor, job: Job) -> Outcome:
    model = extract.model
    if isinstance(model, Scorer):
        scored = evaluate_scores(
            model.to(extract.device),
            job.data,
            job.split or "test",
            batch_size=job.batch_size,
            track=extract.track,
        )
        return Outcome(name, [scored])
    chosen = job.protocol or BY_DATASET.get(recognise(job.data) or "", "labels")
    protocol = PROTOCOLS[chosen]
    if protocol.kind == "captions":
        return Outcome(name, [_captions(extract, job, chosen)])
    if protocol.kind == "classes":
        raise UsageError(
            f"{chosen} needs a model that scores classes",
            "train one: rankzoo train voc07-vgg16-sodeep",
        )
    refinements = _refinements(extract, job)
    if protocol.kind == "landmarks":
        found = evaluate_revisited(
            extract,
            job.data,
            chosen,
            crop=job.query_image == "crop",
            distractors=job.distractors,
            refinements=refinements,
        )
        return Outcome(name, found)
    dataset = _dataset(job, protocol)
    if protocol.kind == "lists":
        return Outcome(name, evaluate_listed(extract, dataset, refinements))
    tasks = _tasks(dataset, job, protocol, chosen)
    measured = evaluate_images(extract, dataset, tasks, protocol.ks, refinements)
    return Outcome(name, measured.evaluations, measured)


def _extractor(folder: Path, job: Job, track: Track) -> Extractor:
    model: nn.Module = load_folder(folder)
    if job.image_size is not None:
        model = WholeImages(model, job.image_size)
    if job.scales != (1.0,):
        model = MultiScale(model, job.scales)
    weights = sha256_of(folder / "model.safetensors")
    way = sha256(repr(described_input(model)).encode()).hexdigest()
    return Extractor(
        model,
        identity=f"{weights}-{way[:12]}",
        folder=job.embeddings / f"{weights[:12]}-{way[:12]}" if job.embeddings else None,
        batch_size=1 if job.image_size else job.batch_size,
        workers=job.workers,
        device=pick_device(job.device),
        track=track,
    )


def _dataset(job: Job, protocol: Protocol) -> ImageDataset:
    dataset = open_dataset(protocol.dataset, job.data, on_bad_image=job.on_bad_image)
    return dataset if protocol.dataset else held_out(dataset)


def _tasks(dataset: ImageDataset, job: Job, protocol: Protocol, name: str) -> list[Task]:
    if protocol.draws > 1:
        return random_galleries(dataset, protocol.draws, job.seed)
    if protocol.lists and not job.split:
        return query_lists(dataset)
    task = task_of(dataset, job.split)
    if name == "labels":
        return [task]
    definition = f"{protocol.definition} Here: {task.definition}."
    return [Task(name, definition, task.queries, task.gallery, task.itself)]


def _refinements(extract: Extractor, job: Job) -> list[Refinement]:
    """Return nothing first, then what was asked for, so that its effect is seen."""
    asked = Refinement(
        whitening=_whitening(extract, job),
        augmentation=job.augmentation,
        expansion=job.expansion,
        alpha=job.alpha,
        reranking=job.reranking,
    )
    return [NOTHING, asked] if asked.described else [NOTHING]


def _whitening(extract: Extractor, job: Job) -> Whitening | None:
    if job.whiten_on is None:
        return load_whitening(job.whitening) if job.whitening else None
    training = open_dataset(None, job.whiten_on, require_labels=False)
    if "train" in training.splits:
        training = training.split("train")
    learned = learn_whitening(extract(training.paths, "whitening"), job.whitening_dim)
    if job.whitening is not None:
        save_whitening(learned, job.whitening)
    return learned


def _captions(extract: Extractor, job: Job, name: str) -> Evaluation:
    protocol = PROTOCOLS[name]
    encoder = load(job.text_model, offline=job.offline) if job.text_model else extract.model
    embed_texts = getattr(encoder, "embed_texts", None)
    if embed_texts is None:
        raise UsageError("this model has no text side", "name its encoder with --text-model")
    dataset = open_dataset("captions", job.data, on_bad_image=job.on_bad_image).split("test")
    texts = [text for item in dataset.items for text in item.captions]
    owner = [i for i, item in enumerate(dataset.items) for _ in item.captions]
    captions: Tensor = embed_texts(texts, batch_size=job.batch_size)
    return evaluate_captions(
        extract(dataset.paths, "captions"),
        captions,
        torch.tensor(owner),
        folds=protocol.draws,
        protocol=name,
        definition=protocol.definition,
    )
