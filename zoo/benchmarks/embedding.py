"""The forms that a network can be run in on a CPU: their speed, their start, what they change."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from zoo.export.formats import FORMATS
from zoo.models import Embedder, EmbedderConfig
from zoo.models.layout import lay_channels_last
from zoo.progress import Track, silent
from zoo.ranking.compilation import compiled

Forward = Callable[[Tensor], Tensor]
USUAL = "usual layout"


@dataclass(frozen=True)
class Forms:
    """What is run: a timm architecture at an input of `size` px, in batches; the best of repeats.

    `every` adds forms that take long to start: torch.compile, and onnxruntime and OpenVINO where
    they are installed.
    """

    architecture: str = "resnet18"
    size: int = 96
    batch: int = 32
    repeats: int = 5
    every: bool = False


def benchmark_embedding(
    folder: Path, forms: Forms = Forms(), track: Track = silent
) -> list[dict[str, float | str]]:
    """Return a row for each form of the network alone; exported ones are written into `folder`.

    A row says images a second, how many times that is the first row's, the seconds until the
    first batch was done, and the largest 1 - cosine between its embedding and the first row's.
    "channels last" is what embedding uses. The forms are timed in turn, so that all meet the same
    machine; on one thread (`OMP_NUM_THREADS=1`) seconds are those of the processor, which other
    work changes least.
    """
    torch.manual_seed(0)
    images = torch.randn(forms.batch, 3, forms.size, forms.size)
    model = _warmed(Embedder(EmbedderConfig(forms.architecture).at_size(forms.size)), images)
    builders = forms_of(model, folder, images[:2], every=forms.every)
    ready: dict[str, Forward] = {}
    first: dict[str, tuple[Tensor, float]] = {}
    for name, build in track(builders.items(), "forms", len(builders)):
        begun = time.perf_counter()
        ready[name] = build()
        first[name] = ready[name](images).double(), time.perf_counter() - begun
    best = _best_seconds(ready, images, forms.repeats)
    expected = first[USUAL][0]
    return [
        {
            "form": name,
            "images_per_s": forms.batch / best[name],
            "times": best[USUAL] / best[name],
            "start_s": seconds,
            "cosine_lost": float((1 - cosine_similarity(found, expected)).max().clamp(min=0)),
        }
        for name, (found, seconds) in first.items()
    ]


def forms_of(
    model: Embedder, folder: Path, example: Tensor, *, every: bool
) -> dict[str, Callable[[], Forward]]:
    """Return how to start each form of a model by its name."""
    last = copy.deepcopy(model)
    lay_channels_last(last)

    def exported(name: str) -> Forward:
        path = folder / FORMATS[name].file
        FORMATS[name].write(model, example, path)
        return FORMATS[name].runner(path)

    found = {USUAL: lambda: _run(model), "channels last": lambda: _run(last)}
    found["bfloat16"] = lambda: torch.autocast("cpu", torch.bfloat16)(_run(last))
    if every:
        found["torch.compile"] = lambda: _run(compiled(last))
    if every and find_spec("onnxruntime") and find_spec("onnxscript"):
        found["onnxruntime"] = lambda: exported("onnx")
    if "onnxruntime" in found and find_spec("openvino"):
        found["openvino"] = lambda: exported("openvino")
    return found


def _run(model: Callable[[Tensor], Tensor]) -> Forward:
    return torch.inference_mode()(lambda images: model(images))


def _warmed(model: Embedder, images: Tensor) -> Embedder:
    """Give batch norms the statistics of images: random weights without them embed all alike."""
    model.train()
    with torch.no_grad():
        for _ in range(10):
            model(images)
    return model.eval()


def _best_seconds(ready: dict[str, Forward], images: Tensor, repeats: int) -> dict[str, float]:
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    best = dict.fromkeys(ready, float("inf"))
    for _ in range(repeats):
        for name, forward in ready.items():
            begun = clock()
            forward(images)
            best[name] = min(best[name], clock() - begun)
    return best
