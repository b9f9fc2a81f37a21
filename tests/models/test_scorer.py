"""Scorers: their shape, their folder, what a damaged one says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.models.scorer import (
    Scorer,
    ScorerConfig,
    build_scorer,
    load_scorer,
    save_scorer,
)

CONFIG = ScorerConfig("test_resnet", Preprocessing(size=32, resize=32), ("cat", "dog"), hidden=8)


def test_a_scorer_gives_one_score_per_output_and_survives_the_disk(tmp_path: Path) -> None:
    model, images = Scorer(CONFIG).eval(), torch.randn(3, 3, 32, 32)
    save_scorer(model, tmp_path)
    again = load_scorer(tmp_path)
    assert again.config == CONFIG
    assert model(images).shape == (3, 2)
    assert again(images).equal(model(images))


def test_a_wildcat_scorer_scores_maps_and_survives_the_disk(tmp_path: Path) -> None:
    config = replace(CONFIG, hidden=None, pooling="wildcat")
    model, images = Scorer(config).eval(), torch.randn(3, 3, 64, 64)
    assert model.features(images).ndim == 4
    save_scorer(model, tmp_path)
    again = load_scorer(tmp_path)
    assert again.config == config
    assert again(images).shape == (3, 2)
    assert again(images).equal(model(images))


@pytest.mark.parametrize("hidden", [None, 8])
def test_an_embedding_is_what_the_scores_are_linear_in_at_unit_length(hidden: int | None) -> None:
    model, images = Scorer(replace(CONFIG, hidden=hidden)).eval(), torch.randn(3, 3, 32, 32)
    seen: list[torch.Tensor] = []
    model.head[-1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    model(images)
    vectors = seen[0] / seen[0].norm(dim=1, keepdim=True)
    assert model.dim == vectors.shape[1] == (hidden or model.backbone.head_hidden_size)
    torch.testing.assert_close(model.embed(images), vectors)
    assert bool((vectors >= 0).all()) == (hidden is not None)  # rectified
    own = {name for name, _ in model.head.named_parameters()}  # the normalisation learns nothing
    last = len(model.head) - 1
    assert own == {f"{n}.{kind}" for n in {1, last} for kind in ("weight", "bias")}


def test_a_wildcat_scorers_embedding_is_the_mean_of_its_maps_at_unit_length() -> None:
    model = Scorer(replace(CONFIG, hidden=None, pooling="wildcat")).eval()
    images = torch.randn(2, 3, 64, 64)
    mean = model.backbone.forward_features(images).flatten(2).mean(dim=2)
    assert model.dim == mean.shape[1]
    torch.testing.assert_close(model.embed(images), mean / mean.norm(dim=1, keepdim=True))
    assert model.head[0].out_channels == 2 * 8


def test_classes_score_probabilities_and_an_attribute_its_value() -> None:
    images = [Image.new("RGB", (40, 40), colour) for colour in ("red", "teal", "white")]
    for task in ("labels", "attribute"):
        model = Scorer(replace(CONFIG, task=task)).eval()
        scores = model(torch.stack([model.transform(image) for image in images]))
        wanted = scores.sigmoid() if task == "labels" else scores
        for batch_size in (2, 64):
            found = model.score_images(images, batch_size)
            assert [list(row) for row in found] == [["cat", "dog"]] * 3
            rows = torch.tensor([list(row.values()) for row in found])
            torch.testing.assert_close(rows, wanted)


def test_features_of_files_are_in_order_whatever_the_batches(tmp_path: Path) -> None:
    model = Scorer(CONFIG).eval()
    paths = [tmp_path / f"{colour}.png" for colour in ("red", "teal", "white")]
    for path in paths:
        Image.new("RGB", (40, 40), path.stem).save(path)
    images = torch.stack([model.transform(Image.open(path)) for path in paths])
    for batch_size in (1, 2, 3):
        found = model.file_features(tuple(paths), batch_size=batch_size)
        torch.testing.assert_close(found, model.features(images), rtol=1e-4, atol=1e-5)


def test_impossible_heads_are_refused() -> None:
    with pytest.raises(UsageError, match="pooling='max'"):
        replace(CONFIG, pooling="max")
    with pytest.raises(UsageError, match="no hidden layer"):
        replace(CONFIG, pooling="wildcat")


def test_a_folder_written_before_there_was_wildcat_pools_as_it_did() -> None:
    value = CONFIG.to_json()
    del value["scorer"]["pooling"]
    assert ScorerConfig.from_json(value) == CONFIG


def test_a_vgg_keeps_its_two_large_layers_as_features() -> None:
    with torch.device("meta"):
        model = Scorer(ScorerConfig("vgg16", Preprocessing(), ("cat",)))
    shapes = {key: tuple(value.shape) for key, value in model.backbone.state_dict().items()}
    assert shapes["pre_logits.fc1.weight"] == (4096, 512, 7, 7)
    assert shapes["pre_logits.fc2.weight"] == (4096, 4096, 1, 1)
    assert model.head[-1].in_features == 4096


def test_the_backbone_comes_from_a_folder_and_its_classifier_is_left(tmp_path: Path) -> None:
    donor = Scorer(CONFIG)
    state = dict(donor.backbone.state_dict())
    save_file({**state, "fc.weight": torch.zeros(5, 3)}, tmp_path / "model.safetensors")
    model = build_scorer(CONFIG, tmp_path)
    assert all(value.equal(state[key]) for key, value in model.backbone.state_dict().items())


def test_a_folder_that_is_no_scorer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"config\.json does not exist"):
        load_scorer(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "test_resnet"}))
    with pytest.raises(IntegrityError, match="does not describe a scorer"):
        load_scorer(tmp_path)
