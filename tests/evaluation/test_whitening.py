"""A whitening is learnt on what is named for it, kept where that is said, and used again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo.data.dataset import read_dataset
from zoo.data.preprocessing import Preprocessing
from zoo.embedding.whitening import learn_pair_whitening, learn_whitening, load_whitening
from zoo.errors import DataError, UsageError
from zoo.evaluation.measure import Outcome, evaluate_embedder
from zoo.evaluation.options import EvalOptions, RefineOptions
from zoo.evaluation.queries import matching_pairs
from zoo.evaluation.subject import open_subject
from zoo.metrics.evaluation import Evaluation
from zoo.models import EmbedderConfig, build_embedder, load_embedder, save_embedder

SMALL = Preprocessing(size=32, resize=32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_embedder(build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL)), folder)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four images of six classes in one folder; a manifest keeps half for testing."""
    folder: Path = tmp_path_factory.mktemp("images")
    generator, rows = np.random.default_rng(0), ["path,label,split"]
    for n in range(24):
        pixels = generator.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((32, 32)).save(folder / f"{n:02}.png")
        rows.append(f"{n:02}.png,class {n // 4},{'test' if n % 4 > 1 else 'train'}")
    (folder / "sets.csv").write_text("\n".join(rows) + "\n")
    return folder


def vectors(model: Path, paths: tuple[Path, ...] | list[Path]) -> Tensor:
    with torch.inference_mode():
        return load_embedder(model).embed_images(list(paths))


def evaluate(model: Path, images: Path, refine: RefineOptions, split: str = "test") -> Outcome:
    options = EvalOptions(images / "sets.csv", split=split, refine=refine)
    return evaluate_embedder(open_subject(str(model)), options)


def similarities(found: Tensor) -> Tensor:
    return found @ found.T  # the same for a projection of the other sign


@pytest.mark.parametrize("by", ["pca", "pairs"])
def test_it_is_learnt_on_the_training_images_alone(
    by: str, model: Path, images: Path, tmp_path: Path
) -> None:
    white = tmp_path / "white.safetensors"
    asked = RefineOptions(images / "sets.csv", white, 2, by)  # type: ignore[arg-type]
    evaluate(model, images, asked)
    training = read_dataset(images / "sets.csv").split("train")
    learnt_on = vectors(model, training.paths)
    if by == "pca":
        expected = learn_whitening(learnt_on, 2)
    else:
        expected = learn_pair_whitening(learnt_on, matching_pairs(training), 2)
    every = vectors(model, sorted(images.glob("*.png")))
    found = similarities(load_whitening(white)(every))
    torch.testing.assert_close(found, similarities(expected(every)), atol=1e-3, rtol=0)


def test_what_was_kept_is_used_again(model: Path, images: Path, tmp_path: Path) -> None:
    def numbers(refine: RefineOptions) -> list[Evaluation]:
        return list(evaluate(model, images, refine).evaluations)

    white = tmp_path / "white.safetensors"
    learnt = numbers(RefineOptions(images / "sets.csv", white, 2))
    again = numbers(RefineOptions(whitening=white))
    (plain,) = numbers(RefineOptions())
    assert [e.metrics for e in again] == [e.metrics for e in learnt]
    assert again[0].metrics == plain.metrics != again[1].metrics
    how = "PCA whitening to 2 dimensions"
    origins = "learned on 12 images of sets, none of them measured", "read from white.safetensors"
    for found, origin in zip((learnt[1], again[1]), origins, strict=True):
        assert found.options == {**plain.options, "whitening": f"{how}, {origin}"}


def test_what_is_measured_is_not_learnt_on_under_another_name(
    model: Path, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{images / 'aside' / '..' / f'{n:02}.png'},class {n // 4}" for n in range(24)]
    (images / "aside").mkdir(exist_ok=True)
    (tmp_path / "same.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    white, expected = tmp_path / "white.safetensors", tmp_path / "expected.safetensors"
    refined = evaluate(model, images, RefineOptions(tmp_path / "same.csv", white, 2)).final
    evaluate(model, images, RefineOptions(images / "sets.csv", expected, 2))
    torch.testing.assert_close(load_whitening(white).mean, load_whitening(expected).mean)
    assert "learned on 12 images of same, none of them measured" in refined.options["whitening"]
    assert "12 images are measured, and not learned on" in caplog.text


@pytest.mark.parametrize("split", ["all", "train"])
def test_a_whitening_with_nothing_else_to_learn_on_is_refused(
    model: Path, images: Path, split: str
) -> None:
    with pytest.raises(UsageError, match="all 12 images to learn on are measured"):
        evaluate(model, images, RefineOptions(images / "sets.csv"), split)


@pytest.mark.parametrize("splits", [("test",), ("query", "gallery")])
def test_a_set_that_is_only_measured_teaches_no_whitening(
    model: Path, images: Path, tmp_path: Path, splits: tuple[str, ...]
) -> None:
    rows = [f"{images / f'{n:02}.png'},class {n // 4},{splits[n % len(splits)]}" for n in range(24)]
    data = tmp_path / "measured.csv"
    data.write_text("\n".join(["path,label,split", *rows]) + "\n")
    subject = open_subject(str(model))
    with pytest.raises(UsageError, match="all 24 images to learn on are measured"):
        evaluate_embedder(subject, EvalOptions(data, refine=RefineOptions(data)))


def test_images_without_splits_or_labels_will_do_for_pca_and_not_for_pairs(
    model: Path, images: Path, tmp_path: Path
) -> None:
    white, flat = tmp_path / "white.safetensors", tmp_path / "flat"
    flat.mkdir()
    paths = sorted(images.glob("*.png"))
    for path in paths:
        (flat / path.name).write_bytes(path.read_bytes())
    evaluate(model, images, RefineOptions(flat, white, 2))
    every = vectors(model, paths)
    expected = similarities(learn_whitening(every, 2)(every))
    found = similarities(load_whitening(white)(every))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    with pytest.raises(DataError, match="label"):
        evaluate(model, images, RefineOptions(flat, whiten_by="pairs"))
