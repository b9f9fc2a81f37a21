"""An image network and a text encoder in one folder."""

from pathlib import Path

import pytest
import torch

from tests.models.coming_back import assert_comes_back
from tests.models.tiny_text import tiny_text
from zoo.errors import IntegrityError, RankzooError, UsageError
from zoo.models import Embedder, EmbedderConfig
from zoo.models.storage import CONFIG, WEIGHTS
from zoo.models.two_towers import TwoTowers, load_two_towers, save_two_towers

TEXTS = ["a red heart", "the dog"]


@pytest.fixture
def model() -> TwoTowers:
    torch.manual_seed(0)
    image = Embedder(EmbedderConfig("test_resnet", pooling="avg", dim=32)).eval()
    return TwoTowers(image, tiny_text()).eval()


def test_it_embeds_as_its_towers_do(model: TwoTowers) -> None:
    batch = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(batch), model.image(batch))
    torch.testing.assert_close(model.embed_texts(TEXTS), model.text.embed_texts(TEXTS))


def test_it_comes_back_from_one_folder_under_one_name(model: TwoTowers, tmp_path: Path) -> None:
    assert_comes_back(model, tmp_path, TEXTS)


def test_the_backbone_is_what_was_pretrained(model: TwoTowers) -> None:
    inside = {id(parameter) for parameter in model.backbone.parameters()}
    head = [name for name, p in model.named_parameters() if id(p) not in inside]
    assert head == ["image.head.1.weight", "image.head.1.bias"]


def test_towers_of_other_widths_are_refused() -> None:
    with pytest.raises(UsageError, match=r"network.dim: the images have 16 dimensions"):
        TwoTowers(Embedder(EmbedderConfig("test_resnet", pooling="avg", dim=16)), tiny_text())


@pytest.mark.parametrize("missing", [CONFIG, WEIGHTS, "tokenizer.json"])
def test_a_file_that_is_missing_is_one_line(model: TwoTowers, missing: str, tmp_path: Path) -> None:
    save_two_towers(model, tmp_path)
    (tmp_path / missing).unlink()
    if missing == "tokenizer.json":
        (tmp_path / "tokenizer_config.json").unlink()
    with pytest.raises(RankzooError) as problem:
        load_two_towers(tmp_path)
    assert "\n" not in str(problem.value)


def test_weights_of_another_model_are_refused(model: TwoTowers, tmp_path: Path) -> None:
    save_two_towers(model, tmp_path)
    text = (tmp_path / CONFIG).read_text()
    (tmp_path / CONFIG).write_text(text.replace('"hidden_size": 32', '"hidden_size": 64'))
    with pytest.raises((IntegrityError, UsageError)):
        load_two_towers(tmp_path)
