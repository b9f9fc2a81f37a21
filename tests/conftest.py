"""What every test shares: one thread a process, a fixed seed, a model of mean colours."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from tests.ray_cluster import running_cluster
from tests.shuffled import pytest_addoption as pytest_addoption
from tests.shuffled import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.shuffled import pytest_report_header as pytest_report_header

# One test process runs on each core; threads of their own would only wait for each other.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Python writes at once where this is set, as in many containers: an output that nobody flushes
# would arrive in every test, and at no user's.
os.environ.pop("PYTHONUNBUFFERED", None)

# Nor may a shell's colours and widths, a hook's repository or a proxy have a part in any test.
SHELL = "FORCE_COLOR NO_COLOR CLICOLOR CLICOLOR_FORCE COLUMNS LINES TTY_COMPATIBLE TTY_INTERACTIVE"
for name in f"{SHELL} GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE".split():
    os.environ.pop(name, None)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost,::1"

# No example may fail for a slow machine, nor by chance on a change that has nothing to do with it:
# fresh examples are looked for by `python -m tests.fuzz`.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

# A shell's background job ignores Ctrl-C, and so would every command that a test starts and stops.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collectstart() -> None:
    """Make random numbers that a file draws when it is imported those of the file alone."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="module")
def seeded_file() -> None:
    """Make random numbers of a file's shared fixtures those of the file alone, in any order."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@dataclass(frozen=True)
class ColourConfig:
    """Stands for an embedder's configuration."""

    size: int = 8

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size}


class ColourModel(nn.Module):
    """Embeds an image as a linear map of its mean colour, and a text as the colour it names."""

    dim = 3

    def __init__(self, gain: float = 1.0, size: int = 8) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3) * gain)
        self.config = ColourConfig(size)
        self.looked_at = 0

    @property
    def transform(self) -> Callable[[Image.Image], Float[Tensor, "3 size size"]]:
        return self._pixels

    def _pixels(self, image: Image.Image) -> Float[Tensor, "3 size size"]:
        side = self.config.size
        data = bytearray(image.resize((side, side)).tobytes())
        return (
            torch.frombuffer(data, dtype=torch.uint8).reshape(side, side, 3).permute(2, 0, 1) / 255
        )

    def forward(self, images: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch 3"]:
        self.looked_at += len(images)
        colours = images.mean(dim=(2, 3)) @ self.weight + 0.01
        return nn.functional.normalize(colours, dim=1)

    @torch.inference_mode()
    def embed_images(self, images: list[Path]) -> Float[Tensor, "image 3"]:
        return self(torch.stack([self._pixels(Image.open(path)) for path in images]))  # type: ignore[no-any-return]

    def embed_texts(self, texts: list[str]) -> Float[Tensor, "text 3"]:
        self.looked_at += len(texts)
        names = ("red", "green", "blue")
        found = torch.tensor([[float(name in text) for name in names] for text in texts])
        return nn.functional.normalize(found + 0.01, dim=1)


@pytest.fixture
def colour_model() -> Callable[..., ColourModel]:
    return ColourModel


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve one-coloured images in three classes, each a little different."""
    folder = tmp_path / "photos"
    for label, channel in (("red", 0), ("green", 1), ("blue", 2)):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            colour = [10 * number] * 3
            colour[channel] = 200 + 10 * number
            Image.new("RGB", (8, 8), tuple(colour)).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """Address of a Ray cluster of two CPUs, started when a slow test first asks for it."""
    with running_cluster() as address:
        yield address
