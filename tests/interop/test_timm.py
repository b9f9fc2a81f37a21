"""A folder of ours in timm's own hands: the same backbone, the same features."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from tests.models.tiny_text import tiny_text
from zoo.data.preprocessing import Preprocessing
from zoo.files import FOLDER_SEAL
from zoo.models import Embedder, EmbedderConfig, load_embedder, save_embedder
from zoo.models.scorer import Scorer, ScorerConfig, load_scorer, save_scorer
from zoo.models.storage import write_weights
from zoo.models.two_towers import TwoTowers, save_two_towers

SMALL = Preprocessing(96, 96, crop_mode="squash")
CONFIGS = [
    EmbedderConfig("timm/test_resnet.r160_in1k", "gem", "plain", dim=8, preprocessing=SMALL),
    EmbedderConfig("test_vit", "token", dim=8, preprocessing=SMALL),
    EmbedderConfig("test_convnext", "native", preprocessing=SMALL),
    EmbedderConfig("test_efficientnet", "avg", "affine", preprocessing=SMALL),
    EmbedderConfig("test_resnet", "avg", dim=8, depth=3, preprocessing=SMALL),
]


def images() -> torch.Tensor:
    return torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=CONFIGS, ids=lambda config: f"{config.architecture}-{config.pooling}")
def model(request: pytest.FixtureRequest) -> Embedder:
    torch.manual_seed(0)
    return Embedder(request.param).eval()


@torch.inference_mode()
def test_timm_opens_a_folder_with_equal_features(model: Embedder, tmp_path: Path) -> None:
    save_embedder(model, tmp_path)
    whole = model.config.depth is None
    options: dict[str, Any] = {} if whole else {"features_only": True, "out_indices": [2]}
    theirs: Any = timm.create_model(f"local-dir:{tmp_path}", pretrained=True, **options).eval()
    ours = model.backbone.forward_features(images())
    found = theirs.forward_features(images()) if whole else theirs(images())[0]
    torch.testing.assert_close(found, ours)
    if whole:
        assert theirs.num_classes == 0
        pooled: Any = model.backbone(images())
        torch.testing.assert_close(theirs(images()), pooled)


@torch.inference_mode()
def test_timm_trains_it_on_for_other_classes_and_channels(tmp_path: Path) -> None:
    model = Embedder(CONFIGS[0])
    save_embedder(model, tmp_path)
    theirs: Any = timm.create_model(
        f"local-dir:{tmp_path}", pretrained=True, num_classes=7, in_chans=1
    ).eval()
    assert theirs(images()[:, :1]).shape == (2, 7)
    own = model.backbone.state_dict()
    found = theirs.state_dict()
    equal = [name for name in own if torch.equal(own[name], found[name])]
    assert len(equal) == len(own) - 1  # the first convolution, added up over the colours


def test_timm_reads_how_images_become_inputs(tmp_path: Path) -> None:
    save_embedder(Embedder(CONFIGS[0]), tmp_path)
    theirs = timm.create_model(f"local-dir:{tmp_path}", pretrained=True)
    found = timm.data.resolve_model_data_config(theirs)
    assert (tuple(found["input_size"]), found["crop_mode"]) == ((3, 96, 96), "squash")
    assert tuple(found["mean"]) == SMALL.mean


@torch.inference_mode()
def test_timm_opens_a_scorer_and_the_image_tower_of_two(tmp_path: Path) -> None:
    scorer = Scorer(ScorerConfig("test_resnet", SMALL, ("cat", "dog"))).eval()
    save_scorer(scorer, tmp_path / "scorer")
    image = Embedder(EmbedderConfig("test_resnet", "avg", dim=32, preprocessing=SMALL)).eval()
    save_two_towers(TwoTowers(image, tiny_text()), tmp_path / "towers")
    for name, backbone in (("scorer", scorer.backbone), ("towers", image.backbone)):
        theirs: Any = timm.create_model(f"local-dir:{tmp_path / name}", pretrained=True).eval()
        torch.testing.assert_close(theirs(images()), backbone(images()))


@torch.inference_mode()
def test_folders_written_before_are_read_with_equal_outputs(
    model: Embedder, tmp_path: Path
) -> None:
    scorer = Scorer(ScorerConfig("test_resnet", SMALL, ("cat", "dog"))).eval()
    before: list[tuple[Any, Any, Any]] = [
        (model, save_embedder, load_embedder),
        (scorer, save_scorer, load_scorer),
    ]
    for network, save, load in before:
        save(network, tmp_path)
        write_weights(tmp_path / "model.safetensors", network.state_dict())
        (tmp_path / FOLDER_SEAL).unlink()  # older still: without a seal
        torch.testing.assert_close(load(tmp_path)(images()), network(images()), rtol=0, atol=0)


@torch.inference_mode()
def test_timm_opens_a_run_from_the_hub(own_hub: Any, tmp_path: Path) -> None:
    model = Embedder(CONFIGS[0]).eval()
    save_embedder(model, tmp_path)
    own_hub.add("me/photos", {p.name: p.read_bytes() for p in tmp_path.iterdir()})
    theirs: Any = timm.create_model("hf-hub:me/photos", pretrained=True).eval()
    pooled: Any = model.backbone(images())
    torch.testing.assert_close(theirs(images()), pooled)
