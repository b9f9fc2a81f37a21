"""What a model's configuration may say, what its file then says, and how large a model may be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError, UsageError
from zoo.models import EmbedderConfig, build_embedder
from zoo.models.bounds import refuse_larger
from zoo.models.config import WIDEST
from zoo.models.scorer import ScorerConfig
from zoo.models.word_encoder import DEEPEST, WordEncoderConfig

SMALL = Preprocessing(size=32, resize=36)


def test_every_choice_of_an_embedder_is_in_its_file_and_comes_back() -> None:
    config = EmbedderConfig("test_resnet", "gem", "affine", 7, 4, 6, 0.25, SMALL)
    value = config.to_json()
    assert value["embedder"] == {
        "pooling": "gem",
        "layer_norm": "affine",
        "dim": 7,
        "depth": 4,
        "maps": 6,
        "dropout": 0.25,
        "preprocessing": SMALL.to_json(),
    }
    assert value["pretrained_cfg"] == SMALL.to_timm()
    assert EmbedderConfig.from_json(value) == config
    plain = EmbedderConfig("test_resnet")
    assert (plain.pooling, plain.layer_norm, plain.dropout) == ("native", "none", 0.0)
    assert plain.dim is plain.depth is plain.maps is None


def test_another_size_resizes_to_itself_unless_more_is_asked() -> None:
    config = EmbedderConfig("test_resnet", dim=7, preprocessing=SMALL)
    for asked, resize in (((64,), 64), ((64, 72), 72)):
        found = config.at_size(*asked)
        assert (found.preprocessing.size, found.preprocessing.resize) == (64, resize)
        assert found.dim == 7


@pytest.mark.parametrize("name", ["dim", "maps"])
def test_a_width_is_a_number_from_one_to_the_widest(name: str) -> None:
    config: Any = EmbedderConfig("x", "avg")
    for width in (1, WIDEST):
        assert getattr(replace(config, **{name: width}), name) == width
    for odd in (0, WIDEST + 1):
        with pytest.raises(UsageError, match=f"{name}={odd} is not a width"):
            replace(config, **{name: odd})


@pytest.mark.parametrize(
    ("odd", "problem"),
    [
        ({"dropout": 1.0}, "dropout=1.0 is no share"),
        ({"dropout": -0.1}, "dropout=-0.1 is no share"),
        ({"maps": 3}, "maps=3: pooling=native pools no maps"),
        ({"maps": 3, "pooling": "token"}, "maps=3: pooling=token pools no maps"),
        ({"depth": 3}, "depth=3 cuts off what pooling=native needs"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(odd: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        EmbedderConfig("test_resnet", **odd)


def test_a_network_is_cut_at_each_of_its_levels_and_at_no_other() -> None:
    for depth in (1, 5):
        build_embedder(EmbedderConfig("test_resnet", pooling="avg", depth=depth))
    for depth in (0, 6):
        with pytest.raises(UsageError, match=f"depth={depth}: the backbone has 5 feature levels"):
            build_embedder(EmbedderConfig("test_resnet", pooling="avg", depth=depth))


def test_a_scorer_of_one_output_is_an_attributes_unless_it_says_else() -> None:
    def task(*outputs: str, task: str = "") -> str:
        return ScorerConfig("x", SMALL, outputs, task=task).task

    assert (task("score"), task("cat", "dog")) == ("attribute", "labels")
    assert (task("cat", task="labels"), task("a", "b", task="attribute")) == ("labels", "attribute")


def test_every_choice_of_a_scorer_is_in_its_file_and_comes_back() -> None:
    config = ScorerConfig("x", SMALL, ("cat",), 8, "native", "labels", "animals")
    value = config.to_json()
    assert value["scorer"] == {
        "preprocessing": SMALL.to_json(),
        "outputs": ["cat"],
        "hidden": 8,
        "pooling": "native",
        "task": "labels",
        "column": "animals",
    }
    assert (value["architecture"], value["pretrained_cfg"]) == ("x", SMALL.to_timm())
    assert ScorerConfig.from_json(value) == config


def test_a_hidden_layer_is_one_to_the_widest() -> None:
    for width in (1, WIDEST):
        assert ScorerConfig("x", SMALL, ("cat",), width).hidden == width
    for odd in (0, WIDEST + 1):
        with pytest.raises(ValueError, match=f"hidden={odd} is not a width"):
            ScorerConfig("x", SMALL, ("cat",), odd)


def test_an_encoder_of_words_has_at_most_so_many_layers_and_units() -> None:
    assert WordEncoderConfig(16) == WordEncoderConfig(16, layers=4, dropout=0.25)
    assert WordEncoderConfig(WIDEST, DEEPEST, 0.0).layers == DEEPEST
    for width, layers in ((WIDEST + 1, 4), (16, DEEPEST + 1)):
        with pytest.raises(UsageError, match=f"{layers} layers of {width} units"):
            WordEncoderConfig(width, layers)


def test_a_file_holds_a_model_with_as_many_parameters_as_it_has_bytes(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"0" * 12)
    refuse_larger(lambda: nn.Linear(3, 3), tmp_path / "weights")  # 9 weights and 3 biases
    (tmp_path / "weights").write_bytes(b"0" * 11)
    with pytest.raises(IntegrityError, match="has 11 bytes, and the model .* 12 parameters"):
        refuse_larger(lambda: nn.Linear(3, 3), tmp_path / "weights")
