"""Training: very large batches, several processes, exact resume."""

from zoo.runs.folder import RunResult as RunResult
from zoo.training.loop import train as train
