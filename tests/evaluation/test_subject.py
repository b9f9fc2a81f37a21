"""A model opened to be measured: how its images are embedded, where that is kept, what it reads."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.options import EmbedOptions
from zoo.errors import UsageError
from zoo.evaluation.options import EvalOptions, InputOptions
from zoo.evaluation.subject import Subject, extractor_of, text_encoder_of
from zoo.models import EmbedderConfig, build_embedder

WEIGHTS = "c0ffee" * 10


@pytest.fixture(scope="module")
def subject() -> Subject:
    small = Preprocessing(size=32, resize=32)
    model: Any = build_embedder(EmbedderConfig("test_resnet", preprocessing=small)).eval()
    return Subject("mine", model, WEIGHTS)


def options(tmp_path: Path, **changes: Any) -> EvalOptions:
    return EvalOptions(tmp_path, embed=EmbedOptions(batch_size=7), **changes)


def test_whole_images_of_different_shapes_are_embedded_one_at_a_time(
    subject: Subject, tmp_path: Path
) -> None:
    paths = []
    for number, shape in enumerate(((48, 32), (32, 48), (40, 40))):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", shape, (9, 80 * number, 9)).save(paths[-1])
    plain = extractor_of(subject, options(tmp_path))
    whole = extractor_of(subject, options(tmp_path, input=InputOptions(48)))
    assert (plain.options.batch_size, whole.options.batch_size) == (7, 1)
    assert whole(paths, "set").shape == plain(paths, "set").shape == (3, subject.model.dim)
    assert plain.model is subject.model


def test_embeddings_are_kept_under_the_weights_and_the_way_images_are_read(
    subject: Subject, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    ways = [InputOptions(), InputOptions(48), InputOptions(64), InputOptions(scales=(1.0, 0.5))]
    folders = [extractor_of(subject, options(kept, embeddings=kept, input=w)).folder for w in ways]
    assert len({str(folder) for folder in folders}) == len(ways)
    for folder in folders:
        assert folder is not None
        assert folder.parent == kept
        assert folder.name.startswith(f"{WEIGHTS[:12]}-")
    assert extractor_of(subject, options(kept)).folder is None


def test_a_model_without_a_text_side_asks_for_the_encoders_name(
    subject: Subject, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no text side"):
        text_encoder_of(subject, options(tmp_path))
