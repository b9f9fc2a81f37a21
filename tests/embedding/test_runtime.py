"""Another program computes what torch does: chosen by measuring, refused where it differs."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo.embedding.options as options_of_embedding
import zoo.embedding.runtime as runtime
import zoo.embedding.runtime_cache as runtime_cache
from zoo.data.dataset import ImageDataset
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.embedding.runtime_cache import Measured, Program
from zoo.embedding.sizes import WholeImages
from zoo.errors import IntegrityError, UsageError
from zoo.files import cache_dir

Scene = Callable[..., ImageDataset]
Say = pytest.LogCaptureFixture


class Stand:
    """Takes the place of the exporter and of both programs: torch, a little wrong, and counted."""

    def __init__(self) -> None:
        self.written, self.calls, self.wrong = 0, {"onnxruntime": 0, "openvino": 0}, 0.0
        self.model: Any = None

    def write(self, network: nn.Module, example: Tensor, path: Path) -> None:
        self.written += 1
        self.model = network
        path.write_bytes(b"a network")

    def runner(self, name: str) -> Callable[[Path], Callable[[Tensor], Tensor]]:
        def start(path: Path) -> Callable[[Tensor], Tensor]:
            if path.read_bytes() != b"a network":
                raise RuntimeError("no such graph\nat line 1 of its parser")

            def run(images: Tensor) -> Tensor:
                self.calls[name] += 1
                with torch.inference_mode():
                    vectors: Tensor = self.model(images)
                return vectors + self.wrong * vectors.roll(1, dims=1)

            return run

        return start


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Two programs that are installed, and faster than torch; nothing is too small to try them."""
    made = Stand()
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(options_of_embedding, "is_installed", lambda name: True)
    monkeypatch.setattr(runtime, "is_installed", lambda name: True)
    monkeypatch.setattr(runtime_cache, "write_onnx", made.write)
    monkeypatch.setattr(runtime_cache, "RUN", {name: made.runner(name) for name in made.calls})
    monkeypatch.setattr(runtime, "WORTH_TRYING", 0.0)
    monkeypatch.setattr(runtime, "WORTH_STARTING", -1e9)
    logging.getLogger("rankzoo").propagate = True
    return made


def speeds(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Let measuring find these seconds an image."""
    monkeypatch.setattr(runtime, "_measure", lambda first, others: Measured(seconds))


def records() -> list[Path]:
    return sorted((cache_dir() / "runtimes").glob("*/measured.json"))


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_named_runtime_embeds_all_but_the_first_batch(
    stand: Stand, colour_model: nn.Module, squares: Scene, name: str
) -> None:
    found = embed_dataset(colour_model, squares(), EmbedOptions(5, runtime=name))
    torch.testing.assert_close(found, embed_dataset(colour_model, squares()))
    assert stand.calls[name] == 1 + 2  # 5 to compare with, then 5 and 2
    assert sum(stand.calls.values()) == 3


@pytest.mark.parametrize("wrong", [0.1, float("nan")])
def test_a_runtime_that_computes_something_else_is_refused(
    stand: Stand, colour_model: nn.Module, squares: Scene, wrong: float
) -> None:
    stand.wrong = wrong
    with pytest.raises(IntegrityError, match="1 - cosine to what torch computes is"):
        embed_dataset(colour_model, squares(), EmbedOptions(5, runtime="openvino"))


def test_auto_takes_the_fastest_says_why_and_measures_once(
    stand: Stand,
    colour_model: nn.Module,
    squares: Scene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Say,
) -> None:
    caplog.set_level(logging.INFO, "rankzoo")
    speeds(monkeypatch, torch=0.02, onnxruntime=0.01, openvino=0.005)
    auto = EmbedOptions(5, runtime="auto")
    embed_dataset(colour_model, squares(), auto)
    expected = "runtime: openvino (images a second here: torch 50, onnxruntime 100, openvino 200)"
    assert caplog.messages == [expected]
    assert (stand.written, stand.calls["onnxruntime"]) == (1, 0)
    monkeypatch.setattr(runtime, "_measure", None)  # a second measurement would raise
    embed_dataset(colour_model, squares(), auto)
    assert caplog.messages == [expected] * 2
    assert stand.written == 1
    with torch.no_grad():
        next(colour_model.parameters()).mul_(2)
    with pytest.raises(TypeError):  # other weights are another model
        embed_dataset(colour_model, squares(), auto)


def test_measuring_times_torch_and_leaves_out_who_differs(
    stand: Stand, colour_model: nn.Module, squares: Scene, caplog: Say
) -> None:
    caplog.set_level(logging.INFO, "rankzoo")
    stand.wrong = 0.1
    auto = EmbedOptions(5, runtime="auto")
    found = embed_dataset(colour_model, squares(), auto)
    torch.testing.assert_close(found, embed_dataset(colour_model, squares()))
    assert "openvino refused: --runtime openvino: 1 - cosine" in caplog.messages[-1]
    (record,) = records()
    kept = Program(colour_model, torch.empty(1, 3, 8, 8)).measured()
    assert kept is not None
    assert record.parent == Program(colour_model, torch.empty(1, 3, 8, 8)).folder
    assert set(kept.seconds) == {"torch"}
    assert set(kept.refused) == {"onnxruntime", "openvino"}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"seconds": {"torch": -1}}', b"\xff"])
def test_a_broken_record_is_measured_again(
    stand: Stand,
    colour_model: nn.Module,
    squares: Scene,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
) -> None:
    speeds(monkeypatch, torch=0.02, onnxruntime=0.01)
    auto = EmbedOptions(5, runtime="auto")
    embed_dataset(colour_model, squares(), auto)
    records()[0].write_bytes(content)
    embed_dataset(colour_model, squares(), auto)
    kept = Program(colour_model, torch.empty(1, 3, 8, 8)).measured()
    assert kept == Measured({"torch": 0.02, "onnxruntime": 0.01})


def test_a_damaged_file_is_written_again(
    stand: Stand, colour_model: nn.Module, squares: Scene
) -> None:
    asked = EmbedOptions(5, runtime="openvino")
    embed_dataset(colour_model, squares(), asked)
    file = Program(colour_model, torch.empty(1, 3, 8, 8)).folder / "network" / "model.onnx"
    file.write_bytes(b"")
    embed_dataset(colour_model, squares(), asked)
    assert stand.written == 2


def test_few_images_stay_with_torch(
    stand: Stand,
    colour_model: nn.Module,
    squares: Scene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Say,
) -> None:
    caplog.set_level(logging.INFO, "rankzoo")
    monkeypatch.setattr(runtime, "WORTH_TRYING", 1e9)
    embed_dataset(colour_model, squares(), EmbedOptions(5, runtime="auto"))
    assert re.search(r"12 images take it about \d+ s: too few", caplog.messages[0])
    assert stand.written == 0


def test_who_cannot_write_the_network_says_so_in_one_line(
    stand: Stand,
    colour_model: nn.Module,
    squares: Scene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Say,
) -> None:
    def fails(network: nn.Module, example: Tensor, path: Path) -> None:
        raise ValueError("no such operator\nand a page of advice")

    monkeypatch.setattr(runtime_cache, "write_onnx", fails)
    with pytest.raises(UsageError, match="cannot run this model: no such operator and a page"):
        embed_dataset(colour_model, squares(), EmbedOptions(5, runtime="onnxruntime"))
    caplog.set_level(logging.INFO, "rankzoo")
    embed_dataset(colour_model, squares(), EmbedOptions(5, runtime="auto"))
    assert "runtime: torch (" in caplog.messages[-1]
    assert "\n" not in caplog.messages[-1]


def test_whole_images_have_no_one_shape(
    stand: Stand, colour_model: Any, squares: Scene, caplog: Say
) -> None:
    colour_model.config = type("Config", (), {"preprocessing": EmbedPreprocessing()})()
    whole = WholeImages(colour_model, 8)
    with pytest.raises(UsageError, match="differ in shape") as caught:
        embed_dataset(whole, squares(), EmbedOptions(1, runtime="openvino"))
    assert caught.value.code == 2
    caplog.set_level(logging.INFO, "rankzoo")
    embed_dataset(whole, squares(), EmbedOptions(1, runtime="auto"))
    assert "runtime: torch (whole images" in caplog.messages[0]


class EmbedPreprocessing:
    mean, std = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


def test_a_runtime_that_is_not_there_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options_of_embedding, "find_spec", lambda name: None)
    for name, extra in (("onnxruntime", "export"), ("openvino", "openvino")):
        with pytest.raises(UsageError, match=f"{name} is not installed") as caught:
            EmbedOptions(runtime=name)
        assert caught.value.hint == f"pip install 'rankzoo[{extra}]'"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"runtime": "tensorrt"}, "--runtime tensorrt is none"),
        ({"runtime": "openvino", "device": "cuda:0"}, "computes on the CPU, not on cuda:0"),
    ],
)
def test_what_cannot_be_is_refused_before_any_image_is_read(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        EmbedOptions(**settings)
