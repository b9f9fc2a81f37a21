"""Training: very large batches, several processes, exact resume."""

from zoo.training.loop import train as train
from zoo.training.run import RunResult as RunResult
