from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
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
