"""Adapters alone are trained, and the model that is kept is a plain one that embeds the same."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import nn

import zoo
from tests.models.tiny_clip import tiny_clip
from tests.models.tiny_text import tiny_text
from zoo.data.dataset import ImageDataset
from zoo.errors import UsageError
from zoo.models import Embedder, EmbedderConfig
from zoo.models.clip import load_clip
from zoo.models.tensor_names import on_disk
from zoo.models.two_towers import TwoTowers
from zoo.recipes import Recipe
from zoo.recipes.changes import override
from zoo.recipes.recipe import Engine, Lora, Schedule
from zoo.recipes.values import from_json, to_json
from zoo.runs.options import TrainOptions
from zoo.training.embedders import plan
from zoo.training.loop import train
from zoo.training.lora import adapt, adaptable, adapters, check_used, hold_base, merged

pytest.importorskip("peft")
Build = Callable[..., Embedder]


@pytest.fixture
def network() -> Build:
    """Build a tiny network of 32 pixels; the same call gives the same weights."""

    def build(architecture: str = "test_vit", **head: Any) -> Embedder:
        torch.manual_seed(7)
        return Embedder(EmbedderConfig(architecture, **head).at_size(32))

    return build


@pytest.fixture
def adapted(recipe: Recipe) -> Recipe:
    """Two updates of adapters of rank two on attention alone, weights decaying."""
    schedule, engine = Schedule(steps=2), Engine(checkpoint_every=1)
    decaying = replace(recipe.optimiser, lr=1e-2, weight_decay=0.5)
    lora = Lora(rank=2, alpha=4.0, targets=("qkv",))
    return replace(recipe, schedule=schedule, engine=engine, optimiser=decaying, lora=lora)


def images() -> torch.Tensor:
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def shaken(backbone: torch.nn.Module) -> None:
    """Move every adapter from where it does nothing."""
    generator = torch.Generator().manual_seed(1)
    for _, parameter in adapters(backbone):
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("architecture", ["test_vit", "test_resnet", "test_convnext"])
def test_the_merged_model_is_a_plain_one_of_the_same_embeddings(
    architecture: str, network: Build
) -> None:
    plain, model = network(architecture).eval(), network(architecture).eval()
    adapt(model.backbone, Lora(rank=2), seed=0)
    with torch.no_grad():
        assert torch.equal(model(images()), plain(images()))  # B begins as zero
        shaken(model.backbone)
        whole = merged(model)
        assert torch.allclose(whole(images()), model(images()), atol=1e-5)
        assert (whole(images()) - plain(images())).abs().max() > 1e-4  # ConvNeXt: small
    assert whole.state_dict().keys() == plain.state_dict().keys()
    assert any(True for _ in adapters(model))  # the copy alone is merged


def test_the_weight_that_is_kept_is_that_of_the_paper(network: Build) -> None:
    plain, model = network("test_vit"), network("test_vit")
    adapt(model.backbone, Lora(rank=2, alpha=6.0, targets=("qkv",)), seed=0)
    shaken(model.backbone)
    at = "blocks.0.attn.qkv"
    layer: Any = model.backbone.get_submodule(at)
    b, a = layer.lora_B["default"].weight, layer.lora_A["default"].weight
    expected = plain.backbone.get_parameter(f"{at}.weight") + 6.0 / 2 * b @ a
    found = merged(model).backbone.get_parameter(f"{at}.weight")
    assert a.shape[0] == 2
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_run_moves_the_named_layers_alone_and_its_folder_opens_as_before(
    adapted: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    train(adapted, dataset, network("test_vit"), tmp_path / "run")
    began = on_disk(network("test_vit").state_dict())
    found = load_file(tmp_path / "run" / "model.safetensors")
    assert found.keys() == began.keys()
    moved = {name for name in began if not torch.equal(found[name], began[name])}
    assert moved == {name for name in began if name.endswith("qkv.weight")}
    assert isinstance(zoo.load(str(tmp_path / "run")), Embedder)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'run'}", pretrained=True).state_dict()
    assert all(torch.equal(theirs[name], found[name]) for name in moved)


def test_a_head_is_trained_beside_the_adapters(
    adapted: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    train(adapted, dataset, network("test_vit", dim=8), tmp_path / "run")
    began = on_disk(network("test_vit", dim=8).state_dict())
    found = load_file(tmp_path / "run" / "model.safetensors")
    moved = {name for name in began if not torch.equal(found[name], began[name])}
    assert {name for name in moved if not name.endswith("qkv.weight")} == {
        name for name in began if name.startswith("rankzoo.head")
    }


def test_a_run_that_was_killed_ends_with_the_same_bits(
    adapted: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    adapted = replace(adapted, optimiser=replace(adapted.optimiser, ema=0.9))
    adapted = replace(adapted, lora=replace(adapted.lora, dropout=0.5))
    adapted = replace(adapted, schedule=Schedule(steps=3), engine=Engine(evaluate_every=2))
    adapted = replace(adapted, engine=replace(adapted.engine, checkpoint_every=1))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(adapted, dataset, network("test_vit"), whole)

    def stop(row: Any) -> None:
        raise KeyboardInterrupt  # after the second update, whose state is not yet saved

    with pytest.raises(KeyboardInterrupt):
        train(adapted, dataset, network("test_vit"), parts, listeners=[stop])
    assert [path.name for path in (parts / "checkpoints").iterdir()] == ["step-00000001"]
    train(adapted, dataset, network("test_vit"), parts, resume=True)
    ours, theirs = (load_file(run / "model.safetensors") for run in (parts, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_both_towers_of_a_clip_are_adapted_and_saved_plain(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path / "clip")
    plain, model = load_clip(folder), load_clip(folder)
    adapt(model.backbone, Lora(rank=2, targets=("q_proj", "v_proj")), seed=0)
    shaken(model.backbone)
    whole = merged(model).eval()
    assert whole.state_dict().keys() == plain.state_dict().keys()
    for towered in ("a red heart", "the cat"):
        ours, theirs = (m.eval().embed_texts([towered]) for m in (whole, model))
        assert torch.allclose(ours, theirs, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(whole(images()), model(images()), atol=1e-5)
        assert (whole(images()) - plain(images())).abs().max() > 1e-3


def test_an_image_network_and_a_text_encoder_are_both_adapted(network: Build) -> None:
    text = tiny_text()
    model = TwoTowers(network("test_vit", dim=text.dim), text)
    adapt(model.backbone, Lora(rank=2), seed=0)
    found = {name.split(".")[0] for name, _ in adapters(model.backbone)}
    assert found == {"image", "text"}


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        (Lora(rank=2, targets=("nothing",)), "no layer is called 'nothing'"),
        (Lora(rank=-1), "rank above 0"),
        (Lora(rank=2, dropout=1.0), "dropout from 0"),
        (Lora(alpha=8.0), "no adapters without a rank"),
    ],
)
def test_what_cannot_be_is_refused_before_data_is_read(
    lora: Lora, said: str, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        plan(replace(recipe, lora=lora), TrainOptions(tmp_path / "run", tmp_path / "no data"))
    assert said in f"{caught.value} {caught.value.hint}"


def test_a_name_that_fits_nothing_is_answered_with_those_that_would() -> None:
    blocks = [nn.ModuleDict({"qkv": nn.Linear(2, 2), "proj": nn.Linear(2, 2)}) for _ in range(2)]
    tower = nn.ModuleDict({"stem": nn.Conv2d(3, 2, 1), "blocks": nn.ModuleList(blocks)})
    with pytest.raises(UsageError, match="no layer is called 'v'") as caught:
        adaptable(tower, ["proj", "v"])
    assert caught.value.hint == "it has qkv, proj, stem"
    assert adaptable(tower, ["proj"]) == ["blocks.0.proj", "blocks.1.proj"]
    assert adaptable(tower, ["0.qkv", "stem", "qkv"]) == ["blocks.0.qkv", "stem", "blocks.1.qkv"]
    assert adaptable(tower, []) == [f"blocks.{n}.{name}" for n in (0, 1) for name in blocks[0]]
    convolutions = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1, groups=4), nn.ReLU())
    assert adaptable(convolutions, []) == ["0"]
    with pytest.raises(UsageError, match="has no layer that can have an adapter"):
        adaptable(nn.Sequential(nn.ReLU()), [])


def test_without_peft_it_is_named(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UsageError, match="needs peft") as caught:
        adapt(torch.nn.Sequential(torch.nn.Linear(2, 2)), Lora(rank=1), 0)
    assert "rankzoo[lora]" in str(caught.value.hint)


def test_a_layer_whose_weight_is_read_without_a_call_is_told() -> None:
    class Reads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(x, self.inner.weight)

    network = Reads()
    adapt(network, Lora(rank=1), 0)
    hold_base(network)
    network(torch.ones(2, 4, requires_grad=True)).sum().backward()
    with pytest.raises(UsageError, match="does not call inner"):
        check_used(network)


def test_the_keys_are_set_on_the_command_line_and_files_from_before_have_none(
    recipe: Recipe,
) -> None:
    chosen = override(override(recipe, "lora.rank", "8"), "lora.targets", '["qkv", "proj"]')
    assert chosen.lora == Lora(rank=8, targets=("qkv", "proj"))
    value = to_json(recipe)
    del value["lora"]
    assert from_json(value) == recipe
