"""What `rankzoo eval` is asked for reaches the measurement, or is refused by the protocol."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from zoo.data.dataset import ImageDataset, Item
from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.evaluation import measure
from zoo.evaluation.options import EvalOptions, LandmarkOptions, RefineOptions
from zoo.evaluation.protocols import PROTOCOLS
from zoo.evaluation.revisited import RevisitedSet
from zoo.evaluation.subject import Subject
from zoo.models import EmbedderConfig, build_embedder

EMBEDDERS = [name for name, protocol in PROTOCOLS.items() if protocol.kind != "classes"]
ASKED: dict[str, Any] = {
    "split": "test",
    "on_bad_image": "skip",
    "text_model": "words",
    "refine": RefineOptions(expansion=1),
    "landmarks": LandmarkOptions(query_image="whole"),
}
# Which data and protocol, and what every task has a use for, or (seed) may have.
ALWAYS = {"data", "protocol", "seed", "offline", "embeddings", "input", "embed"}


class Watched(EvalOptions):
    """Options that remember which of them the measurement looked at."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "looked_at", set())

    def __getattribute__(self, name: str) -> Any:
        if name in ASKED:
            object.__getattribute__(self, "looked_at").add(name)
        return object.__getattribute__(self, name)

    def require_use(self, protocol: str) -> None:
        super().require_use(protocol)
        object.__getattribute__(self, "looked_at").clear()  # to refuse is not to use


class Reader(torch.nn.Module):
    def embed_texts(self, texts: list[str], batch_size: int = 64) -> torch.Tensor:
        return torch.eye(96)[: len(texts)]


@pytest.fixture(scope="module")
def subject() -> Subject:
    small = Preprocessing(size=32, resize=32)
    return Subject("tiny", build_embedder(EmbedderConfig("test_resnet", preprocessing=small)))


@pytest.fixture
def any_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve images that every reader answers with: in splits and lists, with captions, answers."""
    items = []
    for n in range(12):
        path = tmp_path / f"{n}.png"
        Image.new("RGB", (32, 32), (20 * n, 90, 250 - 20 * n)).save(path)
        split, more = "test", {"list": "fine", "query": "yes"}
        if n >= 10:
            split, more = ("query", {"relevant": "11"}) if n == 10 else ("gallery", {})
        labels = (str(n // 2), str(n // 4))
        items.append(Item(path, labels, split=split, captions=(f"words {n}",), extra=more))
    found = ImageDataset("any", tmp_path, tuple(items), ("label", "label_level_2"))
    everything = tuple(found.paths)
    boxes = ((0.0, 0.0, 16.0, 16.0),)
    truth = RevisitedSet("roxford", everything[1:], everything[:1], boxes, ((0,),), ((1,),), ((),))
    monkeypatch.setattr(measure, "open_dataset", lambda *_, **__: found)
    monkeypatch.setattr(measure, "read_revisited", lambda *_: truth)
    monkeypatch.setattr("zoo.evaluation.subject.load", lambda name, offline: Reader())


def refused(options: EvalOptions, protocol: str) -> bool:
    try:
        options.require_use(protocol)
    except UsageError as error:
        return f"protocol {protocol} makes no use of --" in str(error)
    return False


def test_every_option_is_walked() -> None:
    assert {field.name for field in fields(EvalOptions)} == ASKED.keys() | ALWAYS


@pytest.mark.usefixtures("any_set")
@pytest.mark.parametrize("protocol", EMBEDDERS)
def test_what_a_measurement_does_not_look_at_is_refused(
    protocol: str, subject: Subject, tmp_path: Path
) -> None:
    captions = PROTOCOLS[protocol].kind == "captions"
    plain = EvalOptions(tmp_path, protocol, text_model="words" if captions else "")
    watched = Watched(**{field.name: getattr(plain, field.name) for field in fields(plain)})
    measure.evaluate_embedder(subject, watched)
    looked_at = object.__getattribute__(watched, "looked_at")
    for name, asked in ASKED.items():
        used = name in looked_at
        if name == "on_bad_image" and PROTOCOLS[protocol].kind == "landmarks":
            used = False  # it reaches distractors alone, and there are none
        assert refused(replace(plain, **{name: asked}), protocol) != used, name


def test_distractors_may_have_bad_images(tmp_path: Path) -> None:
    landmarks = LandmarkOptions(distractors=tmp_path)
    assert not refused(EvalOptions(tmp_path, on_bad_image="skip", landmarks=landmarks), "roxford")
