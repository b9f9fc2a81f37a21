"""open_clip's own names find the repositories that its table names, on a Hub of this machine."""

import json
from typing import Any

import pytest
import torch
from safetensors.torch import save

import zoo
from tests.hub.clip_files import TEXTS, files
from zoo.cards.sources import HubSource
from zoo.errors import UsageError
from zoo.hub.download import plan_download
from zoo.hub.open_clip_names import open_clip_source
from zoo.hub.resolve import look_up

open_clip = pytest.importorskip("open_clip")
LAION = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
TIMM = "timm/vit_base_patch32_clip_224.openai"


def test_every_name_of_open_clip_is_a_repository_or_says_why_not() -> None:
    found: dict[str, HubSource | None] = {}
    unread = []
    for model, tag in open_clip.list_pretrained():
        try:
            found[f"{model}/{tag}"] = open_clip_source(f"{model}/{tag}")
        except UsageError:
            unread.append(model)
    assert len(found) > 150
    assert all(source and source.repo.count("/") == 1 for source in found.values())
    assert {model.partition("-")[0] for model in unread} <= {"ViTamin"}
    assert found["ViT-B-32/laion2b_s34b_b79k"] == HubSource(LAION)


@pytest.mark.parametrize("repo", [LAION, TIMM])
def test_both_towers_come_under_open_clips_name(repo: str, hub: Any, network: Any) -> None:
    name = {LAION: "ViT-B-32/laion2b_s34b_b79k", TIMM: "ViT-B-32/openai"}[repo]
    image_tower = json.dumps({"architecture": "vit_base_patch32_clip_224"}).encode()
    beside = {"config.json": image_tower, "model.safetensors": save({"x": torch.zeros(1)})}
    commit = hub.add(repo, {**files(network), **(beside if repo == TIMM else {})})
    texts = zoo.load(name).embed_texts(TEXTS)
    hub.add("me/plain", files(network))
    torch.testing.assert_close(texts, zoo.load("me/plain").embed_texts(TEXTS))
    hub.requests.clear()
    assert torch.equal(zoo.load(name, offline=True).embed_texts(TEXTS), texts)
    assert hub.requests == []
    source = look_up(f"{name}@{commit}")[1]
    assert isinstance(source, HubSource)
    assert (source.repo, source.revision) == (repo, commit)


def test_timms_own_name_is_its_image_tower_even_after_open_clips(hub: Any, network: Any) -> None:
    hub.add(TIMM, {**files(network), "config.json": b"{}", "model.safetensors": save({})})
    zoo.load("ViT-B-32/openai")
    source = look_up(TIMM)[1]
    assert isinstance(source, HubSource)
    wanted = {file.name for file in plan_download(source)[1]}
    assert "model.safetensors" in wanted
    assert "open_clip_model.safetensors" not in wanted


def test_what_open_clip_does_not_have_is_told_with_what_it_has() -> None:
    with pytest.raises(UsageError, match="no weights 'nothing' of ViT-B-32") as caught:
        look_up("ViT-B-32/nothing")
    assert "laion2b_s34b_b79k" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="jienengchen/ViTamin-S/pytorch_model.bin, not read"):
        look_up("ViTamin-S/datacomp1b")


def test_other_names_are_not_open_clips() -> None:
    for name in ("timm/resnet50.tv_in1k", "photos", "", "a/b/c", "ViT-B-32/a/b"):
        assert open_clip_source(name) is None
    assert look_up("hf-hub:ViT-B-32/openai")[1] == HubSource("ViT-B-32/openai")


def test_two_revisions_of_a_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two revisions: v1"):
        look_up("ViT-B-32/openai@v1", "v2")
