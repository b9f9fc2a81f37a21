"""Evaluate a retrieval model: embed, rank, measure."""

from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.extract import Extractor
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.queries import Task, task_of
from zoo.metrics.evaluation import Evaluation
from zoo.progress import Track, silent


def evaluate_retrieval(
    model: nn.Module,
    dataset: ImageDataset,
    *,
    task: Task | None = None,
    batch_size: int = 64,
    workers: int = 0,
    device: str = "cpu",
    track: Track = silent,
) -> Evaluation:
    """Evaluate a model on a dataset, under the task its splits define unless one is given.

    Raises:
        DataError: no query has a right answer, an image cannot be read, a vector is not finite.
    """
    extract = Extractor(model, batch_size=batch_size, workers=workers, device=device, track=track)
    return evaluate_images(extract, dataset, [task or task_of(dataset)]).evaluations[0]
