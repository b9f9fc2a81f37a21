"""The models that answer, by name."""

from dataclasses import dataclass

from torch import nn

from zoo.tasks import load, task_of_model


@dataclass(frozen=True)
class Models:
    """Which models answer, and where.

    model: instead of the one each index names. detector: draws boxes in images sent.
    """

    model: str = ""
    detector: str = ""
    device: str = "cpu"
    offline: bool = False

    def check(self) -> None:
        """Raise `UsageError` where a model is of a task that is not served."""
        for name, option in ((self.model, "--model"), (self.detector, "--detector")):
            if name:
                task_of_model(name, offline=self.offline).check(f"serve {option}", [])

    def load(self, name: str) -> nn.Module:
        """Return the model called `name`."""
        return load(name, offline=self.offline, device=self.device)
