"""Evaluate a retrieval model: embed, rank, measure."""

from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.extract import Extractor
from zoo.embedding.options import EmbedOptions
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.queries import Task, task_of
from zoo.metrics.evaluation import Evaluation


def evaluate_retrieval(
    model: nn.Module,
    dataset: ImageDataset,
    options: EmbedOptions = EmbedOptions(),
    *,
    task: Task | None = None,
) -> Evaluation:
    """Evaluate a model on a dataset, under the task its splits define unless one is given.

    Raises:
        DataError: no query has a relevant item, an image cannot be read, a vector is not finite.
    """
    extract = Extractor(model, options=options)
    return evaluate_images(extract, dataset, [task or task_of(dataset)]).evaluations[0]
