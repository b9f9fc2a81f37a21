import traceback
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import UnavailableError, UsageError
from zoo.models import Embedder
from zoo.models.text_encoder import TextEncoder
from zoo.sorters import GaussianSorter
from zoo.sorters.store import save_sorter


def test_load_returns_an_image_embedder_with_its_transform() -> None:
    model = zoo.load("efficientnet_lite0")
    assert isinstance(model, Embedder)
    assert not model.training
    image = Image.new("RGB", (300, 200), "red")
    assert model.transform(image).shape == (3, 224, 224)
    vectors = model.embed_images([image])
    assert vectors.norm(dim=1).item() == pytest.approx(1, abs=1e-6)


def test_the_emoji_embedder_comes_with_the_package_and_is_small() -> None:
    model = zoo.load("emoji-sup_hap", offline=True)
    assert isinstance(model, Embedder)
    assert (model.dim, model.transform.transforms[1].size) == (320, (64, 64))  # type: ignore[attr-defined]
    weights = Path(zoo.__file__).parent / "models/weights/emoji-sup_hap/model.safetensors"
    assert weights.stat().st_size < 6 * 2**20
    vectors = model.embed_images([Image.new("RGB", (64, 64), "red")])
    assert vectors.norm(dim=1).item() == pytest.approx(1, abs=1e-6)


def test_load_returns_a_text_encoder() -> None:
    model = zoo.load("all-minilm-l6-v2")
    assert isinstance(model, TextEncoder)
    cat, kitten, tax = model.embed_texts(["a cat", "a kitten", "the tax office"])
    assert cat @ kitten > 0.5 > cat @ tax


def test_load_returns_a_sorter(tmp_path: Path) -> None:
    save_sorter(GaussianSorter(), tmp_path / "sorter", "gaussian")
    (tmp_path / "sorter" / "config.json").read_text()
    assert isinstance(zoo.load(str(tmp_path / "sorter")), GaussianSorter)


def test_the_package_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = zoo.lod


def test_loading_does_not_depend_on_who_imported_the_module_first() -> None:
    import zoo.tasks

    assert zoo.load is zoo.tasks.load
    assert torch.nn.Module in type(zoo.load("efficientnet_lite0")).__mro__


def test_one_image_or_many_in_memory_or_on_disk_are_embedded_alike(tmp_path: Path) -> None:
    model = zoo.load("emoji-sup_hap", offline=True)
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    path = tmp_path / "clear.png"
    clear.save(path)
    white = model.embed_images([Image.new("RGB", (64, 64), "white")])
    for images in (clear, [clear], path, str(path), [str(path)], (i for i in [path])):
        assert torch.allclose(model.embed_images(images), white, atol=1e-6)
    for mode in ("1", "L", "LA", "P", "CMYK", "I;16", "YCbCr"):
        assert model.embed_images(Image.new(mode, (64, 64))).shape == (1, 320)


def test_what_looks_like_a_path_is_a_path_before_it_is_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "file").touch()
    for name in ("runs/nope", "./nope", "../a/b", str(tmp_path / "x"), "~/nope/nope"):
        with pytest.raises(UnavailableError, match="does not exist"):
            zoo.load(name)
    with pytest.raises(UnavailableError, match="runs/file is no model folder"):
        zoo.load("runs/file")


def test_a_hint_is_shown_below_an_error_that_nobody_catches() -> None:
    error = UsageError("no such thing", "try another")
    assert traceback.format_exception_only(error)[-1] == "try another\n"
    assert not hasattr(UsageError("no such thing"), "__notes__")


def test_the_face_lists_what_it_loads_late() -> None:
    assert "load" in dir(zoo)
