"""A bench from Python measures what the command measures when no flag is given."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from cli.bench import ranking, search, training
from zoo.benchmarks import (
    batches,
    detection,
    detectors,
    embedding,
    evaluation,
    losses,
    scale,
    serve,
    sorters,
    spread,
)
from zoo.benchmarks import index as indexes
from zoo.benchmarks import training as throughput


def flags(command: Callable[..., Any]) -> dict[str, Any]:
    """What a command's flags are when nothing is typed."""
    return {f.name: f.default for f in inspect.signature(command).parameters.values()}


MADE = [
    (ranking.toy_options, losses.Toy),
    (ranking.vectors_options, sorters.Vectors),
    (ranking.scenes_options, detectors.Scenes),
    (search.served_options, serve.Served),
    (search.spreading_options, spread.Spreading),
    (search.scale_options, scale.Scale),
    (training.network_options, batches.Network),
]
SAME = [
    (ranking.losses, losses.benchmark_losses, {"repeats"}),
    (ranking.detection, detection.compare_detection_losses, {"negatives", "positives", "repeats"}),
    (search.index, indexes.bench_index, {"codes"}),
    (search.index, indexes.Points, {"count", "dim", "seed"}),
    (training.evaluation, evaluation.Sizes, {"gallery", "queries", "dim", "seed"}),
    (training.embedding, embedding.Forms, {"architecture", "size", "repeats", "every"}),
    (training.training, throughput.Update, {"architecture", "size", "workers"}),
    (training.batches, batches.benchmark_batches, {"chunk"}),
]


@pytest.mark.parametrize(("options", "kind"), MADE, ids=lambda one: one.__name__)
def test_what_a_command_makes_without_flags_is_what_python_makes(
    options: Callable[..., Any], kind: type[Any]
) -> None:
    assert options(**flags(options)) == kind()


@pytest.mark.parametrize(("command", "function", "names"), SAME)
def test_a_flag_has_the_default_of_the_argument_it_sets(
    command: Callable[..., Any], function: Callable[..., Any], names: set[str]
) -> None:
    typed, given = flags(command), flags(function)
    assert {n: typed[n] for n in names} == {n: given[n] for n in names}


def test_a_list_of_flags_has_the_default_of_the_argument_it_sets() -> None:
    loads = search.load_options(**flags(search.load_options))
    assert tuple(loads) == flags(serve.bench_serve)["loads"]
    assert flags(training.embedding)["batch_size"] == embedding.Forms().batch
    assert flags(batches.benchmark_batches)["sizes"] == (64, 256, 1024)


def test_what_no_flag_sets_is_what_the_tables_were_measured_with() -> None:
    """Numbers of READMEs and cards: another one would be another measurement."""
    assert flags(serve.bench_serve)["batches"] == (32, 1)
    assert (throughput.Update().photo, throughput.Update().batch) == ((640, 480), 32)
    assert flags(throughput.benchmark_training)["steps"] == 6
    assert flags(detectors.compare_detectors)["seeds"] == (0, 1, 2)
    assert flags(losses.benchmark_rivals)["small"] == 384
    assert (indexes.TARGET.recall, indexes.TARGET.k) == (0.99, 10)
    assert (indexes.QUERIES, indexes.CLUSTERS, indexes.SPREAD) == (2_000, 1_000, 0.7)
    assert (serve.K, serve.IMAGES, serve.FILES, serve.SIDE) == (24, 32, 1_000, 256)
    assert (spread.SHARDS, spread.SIDE, spread.TOGETHER, spread.K) == (16, 256, 32, 10)
    assert (scale.SIZES, scale.PROBES) == ((10**8, 10**9), (1, 4, 16, 64))
    assert (scale.QUERIES, scale.DRAWS, scale.K) == (400, 100_000, 10)
    assert (batches.PER_CLASS, evaluation.PER_CLASS) == (4, 10)
