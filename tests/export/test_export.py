import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from zoo.data.dataset import ImageDataset, read_dataset
from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError, UsageError
from zoo.export.formats import FORMATS, Format
from zoo.export.run import ExportOptions, export, largest_difference
from zoo.models import Embedder, EmbedderConfig
from zoo.models.runtimes import needed
from zoo.tasks import load_folder


@pytest.fixture
def model() -> Embedder:
    torch.manual_seed(0)
    preprocessing = Preprocessing(size=32, resize=32)
    config = EmbedderConfig("resnet10t", pooling="gem", dim=8, preprocessing=preprocessing)
    return Embedder(config).eval()


@pytest.fixture
def dataset(tmp_path: Path) -> ImageDataset:
    for number, colour in enumerate(["red", "green", "blue", "white"]):
        folder = tmp_path / "photos" / colour
        folder.mkdir(parents=True)
        for shade in range(2):
            image = Image.new("RGB", (40, 40), colour)
            image.paste((30 * shade, 60, 20 * number), (0, 0, 10, 10 + shade))
            image.save(folder / f"{shade}.png")
    return read_dataset(tmp_path / "photos")


@pytest.mark.parametrize("precision", ["float32", pytest.param("half", marks=pytest.mark.slow)])
def test_a_torch_program_computes_what_the_model_computes_at_any_batch_size(
    model: Embedder, tmp_path: Path, precision: str
) -> None:
    done = export(
        model, tmp_path / "out", ExportOptions(format="torch-export", precision=precision)
    )
    run = FORMATS["torch-export"].runner(done.file)
    images = torch.rand(5, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(run(images), model(images), atol=1e-2, rtol=0)
    assert done.largest_difference < (1e-6 if precision == "float32" else 1e-2)
    written = json.loads((tmp_path / "out" / "export.json").read_text())
    assert written["file"] == "model.pt2"
    assert done.size == done.file.stat().st_size


@pytest.mark.slow
def test_half_is_about_half_the_size_and_leaves_the_model_alone(
    model: Embedder, tmp_path: Path
) -> None:
    whole = export(model, tmp_path / "whole", ExportOptions(format="torch-export"))
    half = export(model, tmp_path / "half", ExportOptions(format="torch-export", precision="half"))
    assert 0.45 < half.size / whole.size < 0.6
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.slow
def test_recall_is_measured_before_and_after(
    model: Embedder, dataset: ImageDataset, tmp_path: Path
) -> None:
    done = export(model, tmp_path / "out", ExportOptions(format="torch-export", dataset=dataset))
    assert done.recall_at_1.keys() == {"model", "exported"}
    assert done.recall_at_1["model"] == done.recall_at_1["exported"]


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "bound"), [("float32", 1e-5), ("int8", 0.2)])
def test_an_onnx_file_computes_what_the_model_computes_at_any_batch_size(
    model: Embedder, dataset: ImageDataset, tmp_path: Path, precision: str, bound: float
) -> None:
    done = export(model, tmp_path / "out", ExportOptions(precision=precision, dataset=dataset))
    run = FORMATS["onnx"].runner(done.file)
    images = torch.rand(5, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(run(images), model(images), atol=bound, rtol=0)
    assert done.recall_at_1.keys() == {"model", "exported"}
    assert done.largest_difference < bound


def test_a_half_model_folder_loads_like_any_model_and_takes_half_the_space(
    model: Embedder, dataset: ImageDataset, tmp_path: Path
) -> None:
    whole = export(model, tmp_path / "whole", ExportOptions(format="safetensors"))
    half = export(
        model,
        tmp_path / "half",
        ExportOptions(format="safetensors", precision="half", dataset=dataset),
    )
    assert whole.largest_difference == 0
    assert 0 < half.largest_difference < 1e-2
    assert 0.45 < half.size / whole.size < 0.55
    again = load_folder(tmp_path / "half")
    assert next(again.parameters()).dtype == torch.float32
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(again(images), model(images), atol=1e-2, rtol=0)
    assert half.recall_at_1.keys() == {"model", "exported"}


def test_a_file_that_computes_something_else_is_refused_and_not_kept(
    model: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(path: Path) -> object:
        return lambda images: torch.nn.functional.normalize(torch.ones(len(images), 8))

    def write(network: object, example: object, path: Path) -> None:
        path.write_bytes(b"a program")

    monkeypatch.setitem(FORMATS, "torch-export", Format("model.pt2", write, wrong))  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match="differs from the model"):
        export(model, tmp_path / "out", ExportOptions(format="torch-export"))
    assert not (tmp_path / "out").exists()


def test_the_difference_is_the_largest_of_all_batches_and_outputs(model: Embedder) -> None:
    def off(images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = model(images)
        return found + (0.25 if len(images) == 3 else 0.0)

    batches = [torch.rand(n, 3, 32, 32) for n in (1, 3)]
    assert largest_difference(model, off, batches) == pytest.approx(0.25, abs=1e-6)

    class Two(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return images.mean(), 1_000 * torch.ones(2)

    found = largest_difference(
        Two(), lambda images: (images.mean(), 1_001 * torch.ones(2)), batches
    )
    assert found == pytest.approx(1e-3), "of boxes in pixels, a share"


@pytest.mark.parametrize(
    ("format_name", "precision", "message"),
    [
        ("tensorrt", "float32", "no export format 'tensorrt'"),
        ("onnx", "int4", "no precision 'int4'"),
        ("torch-export", "int8", "no precision 'int8' for torch-export"),
    ],
)
def test_unknown_choices_name_the_known_ones(
    model: Embedder, tmp_path: Path, format_name: str, precision: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as error:
        export(model, tmp_path / "out", ExportOptions(format=format_name, precision=precision))
    assert "known:" in error.value.hint


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(UsageError) as error:
        needed("no_such_exporter")
    assert error.value.hint == "pip install 'rankzoo[export]'"


def test_an_existing_folder_is_not_overwritten(model: Embedder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    with pytest.raises(UsageError, match="already exists"):
        export(model, tmp_path / "out", ExportOptions(format="torch-export"))
