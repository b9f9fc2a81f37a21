"""How a model is run over a set of images or texts."""

from dataclasses import dataclass

from zoo.progress import Track, silent


@dataclass(frozen=True)
class EmbedOptions:
    """Items in one pass, loading processes, device; `track` watches it.

    Made once by whoever starts the work, and passed whole down to the batches.
    """

    batch_size: int = 64
    workers: int = 0
    device: str = "cpu"
    track: Track = silent
