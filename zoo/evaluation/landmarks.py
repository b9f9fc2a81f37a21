"""Runners of the landmark benchmarks, where the relevant items are listed query by query."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from zoo.data.dataset import ImageDataset, OnBadImage, read_dataset
from zoo.embedding.extract import Extractor
from zoo.errors import UsageError
from zoo.evaluation.options import LandmarkOptions
from zoo.evaluation.protocols import PROTOCOLS
from zoo.evaluation.queries import Task
from zoo.evaluation.refinement import NOTHING, Refinement, refined_blocks, scan_of
from zoo.evaluation.relevance_lists import (
    Places,
    at_100_values,
    listed_places,
    measure_lists,
    revisited_judgements,
    revisited_values,
)
from zoo.evaluation.revisited import RevisitedSet
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.summary import summarise
from zoo.search.scan import score_blocks


def evaluate_revisited(
    extract: Extractor,
    truth: RevisitedSet,
    landmarks: LandmarkOptions = LandmarkOptions(),
    refinements: Sequence[Refinement] = (NOTHING,),
    on_bad_image: OnBadImage = "fail",
) -> list[Evaluation]:
    """Evaluate on ROxford or RParis (`read_revisited`): easy, medium and hard set-ups at once.

    By default queries are cut to their boxes, as the benchmark wants. Each shard of distractors is
    embedded, and kept on disk, one at a time; of them alone a bad image may be skipped.

    Raises:
        DataError: an image cannot be read.
        UsageError: distractors together with a refinement.
    """
    protocol, crop = truth.protocol, landmarks.query_image != "whole"
    distractors = landmarks.distractors
    gallery = extract(truth.gallery, protocol)
    queries = extract(truth.queries, f"{protocol}-queries", truth.boxes if crop else None)
    shards = _shards(extract, distractors, refinements, on_bad_image) if distractors else []
    task = _task(len(truth.queries), len(truth.gallery))
    judgements = revisited_judgements(truth.easy, truth.hard, truth.junk)
    options = {"query": "cropped to its box" if crop else "whole image"}
    if shards:
        options["distractors"] = f"{sum(map(len, shards))} images in {len(shards)} shards"
    scan = scan_of(extract)
    found = []
    for refinement in refinements:
        blocks = (
            score_blocks(queries, gallery, *shards, scan=scan)
            if shards
            else refined_blocks(queries, gallery, task, refinement, scan)
        )
        values = measure_lists(blocks, judgements, revisited_values)
        size = len(gallery) + sum(map(len, shards))
        found.append(_evaluation(protocol, values, size, options | refinement.described))
    return found


def evaluate_listed(
    extract: Extractor, dataset: ImageDataset, refinements: Sequence[Refinement] = (NOTHING,)
) -> list[Evaluation]:
    """Evaluate Google Landmarks v2: mAP@100 over the answers listed in `extra["relevant"]`.

    Raises:
        DataError: a query lists an image that is not in the gallery.
    """
    asked, searched = dataset.split("query"), dataset.split("gallery")
    lists = [item.extra.get("relevant", "") for item in asked.items]
    places = listed_places(lists, [path.stem for path in searched.paths], str(dataset.root))
    queries, gallery = extract(asked.paths, "queries"), extract(searched.paths, "gallery")
    task = _task(len(asked), len(searched))
    nothing: list[list[int]] = [[] for _ in places]
    judgements: dict[str, tuple[Places, Places]] = {"": (places, nothing)}
    scan = scan_of(extract)
    found = []
    for refinement in refinements:
        blocks = refined_blocks(queries, gallery, task, refinement, scan)
        values = measure_lists(blocks, judgements, at_100_values)
        found.append(_evaluation("gldv2", values, len(gallery), refinement.described))
    return found


def _shards(
    extract: Extractor, root: Path, refinements: Sequence[Refinement], on_bad_image: OnBadImage
) -> list[Tensor]:
    if extract.folder is None:
        raise UsageError("--distractors needs --embeddings", "give a folder to keep them in")
    if any(refinement.described for refinement in refinements):
        raise UsageError("--distractors goes with plain ranking only", "leave out the refinement")
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir()] or [root]
    return [
        extract(
            read_dataset(folder, on_bad_image=on_bad_image, require_labels=False).paths,
            f"distractors-{folder.name}",
        )
        for folder in folders
    ]


def _task(queries: int, gallery: int) -> Task:
    return Task("", "", torch.arange(queries) + gallery, torch.arange(gallery), itself=False)


def _evaluation(
    protocol: str, values: dict[str, Tensor], gallery: int, options: dict[str, str]
) -> Evaluation:
    queries = len(next(iter(values.values())))
    return Evaluation(
        protocol=protocol,
        definition=PROTOCOLS[protocol].definition,
        metrics=summarise(values),
        queries=queries,
        gallery=gallery,
        skipped=int(torch.stack([v.isnan() for v in values.values()]).all(dim=0).sum()),
        options=options,
        per_query=values,
        query_items=tuple(range(queries)),
    )
