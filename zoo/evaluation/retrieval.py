"""Evaluate a retrieval model: embed, rank, measure."""

from torch import nn

from zoo.data.catalogue import Catalogue
from zoo.evaluation.evaluation import Evaluation
from zoo.evaluation.extract import Extractor
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.task import Task, task_of
from zoo.progress import Track, silent


def evaluate_retrieval(
    model: nn.Module,
    catalogue: Catalogue,
    *,
    task: Task | None = None,
    batch_size: int = 64,
    workers: int = 0,
    device: str = "cpu",
    track: Track = silent,
) -> Evaluation:
    """Evaluate a model on a catalogue, under the task its splits define unless one is given.

    Raises:
        DataError: no query has a right answer, an image cannot be read, a vector is not finite.
    """
    extract = Extractor(model, batch_size=batch_size, workers=workers, device=device, track=track)
    return evaluate_images(extract, catalogue, [task or task_of(catalogue)]).evaluations[0]
