"""The landmark benchmarks: pickles that may not run code, boxes, junk, distractors."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zoo.data.dataset import ImageDataset, Item
from zoo.embedding.extract import Extractor
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.evaluation.landmarks import evaluate_listed, evaluate_revisited
from zoo.evaluation.options import LandmarkOptions
from zoo.evaluation.refinement import Refinement
from zoo.evaluation.relevance_lists import (
    at_100_values,
    measure_lists,
    revisited_judgements,
    revisited_values,
)
from zoo.evaluation.revisited import read_revisited
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.landmarks import revisited_map
from zoo.metrics.per_query import average_precision
from zoo.search.scan import Scan, score_blocks

RED, GREEN, BLUE = (230, 20, 20), (20, 230, 20), (20, 20, 230)
Build = Callable[..., Path]


@pytest.fixture
def oxford(tmp_path: Path) -> Build:
    """Build a miniature of ROxford: three gallery images, one query half red and half blue."""

    def build(**changes: Any) -> Path:
        root = tmp_path / "roxford5k"
        (root / "jpg").mkdir(parents=True, exist_ok=True)
        for name, colour in (("a", RED), ("b", (200, 40, 40)), ("c", BLUE)):
            Image.new("RGB", (16, 16), colour).save(root / "jpg" / f"{name}.jpg", quality=95)
        query = Image.new("RGB", (32, 16), BLUE)
        query.paste(RED, (0, 0, 8, 16))
        query.save(root / "jpg" / "q.jpg", quality=95)
        judged = {"bbx": [0.0, 0.0, 8.0, 16.0], "easy": np.array([0]), "hard": [1], "junk": []}
        truth = {"imlist": ["a", "b", "c"], "qimlist": ["q"], "gnd": [{**judged, **changes}]}
        (root / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(truth, protocol=2))
        return root

    return build


def evaluate(extract: Extractor, root: Path, *how: Any, **more: Any) -> list[Evaluation]:
    return evaluate_revisited(extract, read_revisited(root, "roxford"), *how, **more)


def test_a_cropped_query_finds_what_is_in_its_box(colour_model: nn.Module, oxford: Build) -> None:
    found = evaluate(Extractor(colour_model), oxford())[0]
    assert found.metrics["map_easy"] == found.metrics["map_medium"] == 1
    assert found.metrics["map_hard"] == 1
    assert found.options == {"query": "cropped to its box"}
    assert "trapezium" in found.definition


def test_the_whole_query_finds_its_larger_half(colour_model: nn.Module, oxford: Build) -> None:
    found = evaluate(Extractor(colour_model), oxford(), LandmarkOptions(query_image="whole"))[0]
    assert found.metrics["map_medium"] < 1
    assert found.metrics["mp_at_1_medium"] == 0


@pytest.mark.parametrize(
    ("judged", "skipped"), [({"easy": []}, 0), ({"easy": [], "hard": [], "junk": [0]}, 1)]
)
def test_a_query_counts_as_skipped_where_no_set_up_has_an_answer_for_it(
    colour_model: nn.Module, oxford: Build, judged: dict[str, list[int]], skipped: int
) -> None:
    found = evaluate(Extractor(colour_model), oxford(**judged))[0]
    assert (found.queries, found.skipped) == (1, skipped)


def test_distractors_are_embedded_shard_by_shard_and_push_down(
    colour_model: nn.Module, oxford: Build, tmp_path: Path
) -> None:
    for shard in range(2):
        folder = tmp_path / "distractors" / str(shard)
        folder.mkdir(parents=True)
        for n in range(2):
            Image.new("RGB", (16, 16), (228, 24, 24)).save(folder / f"{n}.png")
    extract = Extractor(colour_model, "w", tmp_path / "kept")
    found = evaluate(extract, oxford(), LandmarkOptions(tmp_path / "distractors"))[0]
    assert found.gallery == 7
    assert found.options["distractors"] == "4 images in 2 shards"
    assert found.metrics["map_hard"] < 1
    colour_model.calls = 0  # type: ignore[assignment]
    evaluate(extract, oxford(), LandmarkOptions(tmp_path / "distractors"))
    assert colour_model.calls == 1  # the cropped query only: the rest is on disk


def test_distractors_ask_for_what_they_need(
    colour_model: nn.Module, oxford: Build, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="needs --embeddings"):
        evaluate(Extractor(colour_model), oxford(), LandmarkOptions(tmp_path))
    extract = Extractor(colour_model, "w", tmp_path / "kept")
    with pytest.raises(UsageError, match="plain ranking only"):
        evaluate(
            extract,
            oxford(),
            LandmarkOptions(tmp_path),
            refinements=[Refinement(expansion=1)],
        )


def test_scores_and_ranked_ids_give_the_same_numbers() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, gallery = (
        torch.randn(9, 8, generator=generator),
        torch.randn(200, 8, generator=generator),
    )
    groups = [torch.randperm(200, generator=generator)[:45].tolist() for _ in range(9)]
    easy, hard, junk = ([g[i : i + 15] for g in groups] for i in (0, 15, 30))
    blocks = score_blocks(queries, gallery[:80], gallery[80:], scan=Scan(block=600))
    got = measure_lists(blocks, revisited_judgements(easy, hard, junk), revisited_values)
    ranks = (queries @ gallery.T).argsort(dim=1, descending=True)
    for protocol in ("easy", "medium", "hard"):
        expected = revisited_map(ranks, easy, hard, junk, protocol)
        assert float(got[f"map_{protocol}"].mean()) == pytest.approx(expected[0], abs=1e-12)
        for k, precision in expected.mean_precision.items():
            mean = float(got[f"mp_at_{k}_{protocol}"].mean())
            assert mean == pytest.approx(precision, abs=1e-12)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch owned-by-a-pickle",)


@pytest.mark.parametrize("junk", [Hostile(), pickle.PicklingError, np.random.default_rng])
def test_a_pickle_that_holds_more_than_data_is_refused(oxford: Build, junk: object) -> None:
    root = oxford(junk=junk)
    with pytest.raises(IntegrityError, match="refused, asks for"):
        read_revisited(root, "roxford")
    assert not Path("owned-by-a-pickle").exists()


def test_a_torn_pickle_is_refused(oxford: Build) -> None:
    path = oxford() / "gnd_roxford5k.pkl"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(IntegrityError, match=r"gnd_roxford5k\.pkl: refused"):
        read_revisited(path.parent, "roxford")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"easy": [7]}, "judges image 7 of a gallery of 3"),
        ({"bbx": [5, 0, 2, 9]}, "box"),
        ({"hard": "x"}, "ground truth"),
    ],
)
def test_a_ground_truth_that_cannot_be_is_refused(
    oxford: Build, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read_revisited(oxford(**changes), "roxford")


def test_missing_files_are_named(oxford: Build, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gnd_roxford5k\.pkl: missing"):
        read_revisited(tmp_path, "roxford")
    root = oxford()
    (root / "jpg" / "b.jpg").unlink()
    with pytest.raises(DataError, match=r"b\.jpg: missing"):
        read_revisited(root, "roxford")


@pytest.fixture
def landmarks(tmp_path: Path) -> ImageDataset:
    items = []
    for name, colour, split, relevant in (
        ("g0", RED, "gallery", ""),
        ("g1", GREEN, "gallery", ""),
        ("g2", (200, 60, 60), "gallery", ""),
        ("q0", RED, "query", "g0 g1"),
    ):
        path = tmp_path / f"{name}.png"
        Image.new("RGB", (8, 8), colour).save(path)
        items.append(Item(path, ("x",), split, (), {"relevant": relevant}))
    return ImageDataset("gldv2", tmp_path, tuple(items), ("landmark",))


def test_listed_answers_are_scored_at_100_under_both_denominators(
    colour_model: nn.Module, landmarks: ImageDataset
) -> None:
    found = evaluate_listed(Extractor(colour_model), landmarks)[0]
    assert found.metrics["map_at_100"] == pytest.approx((1 + 2 / 3) / 2)  # ranks 1 and 3
    assert found.metrics["map_at_100_over_r"] == found.metrics["map_at_100"]
    assert (found.queries, found.gallery) == (1, 3)


def test_landmarks_are_found_at_100_places_and_not_at_101() -> None:
    ranks = torch.tensor([[11.0, 100.0], [10.0, 101.0], [1.0, 2.0]], dtype=torch.float64)
    found = at_100_values("", ranks)
    assert found["map_at_100"].tolist() == pytest.approx([(1 / 11 + 2 / 100) / 2, 0.1 / 2, 1])
    assert torch.equal(found["map_at_100_over_r"], found["map_at_100"])
    assert found["recall_at_1"].tolist() == [0, 0, 1]
    assert found["recall_at_10"].tolist() == [0, 1, 1]


def test_a_hundred_places_of_a_hundred_and_fifty_answers_are_all_and_two_thirds() -> None:
    found = at_100_values("", torch.arange(1, 151, dtype=torch.float64)[None])
    assert found["map_at_100"].tolist() == [1]
    assert found["map_at_100_over_r"].tolist() == pytest.approx([100 / 150])


def test_a_query_without_answers_has_no_value_beside_one_that_has() -> None:
    ranks = torch.tensor([[1.0, 3.0], [torch.inf, torch.inf]], dtype=torch.float64)
    found = revisited_values("hard", ranks)
    assert list(found) == ["map_hard", "mp_at_1_hard", "mp_at_5_hard", "mp_at_10_hard"]
    assert all(column[1].isnan() and column[0] > 0 for column in found.values())
    # The trapezium between the places: (1 + 1) / 2 and, from 1 / 2 to 2 / 3, 7 / 12 of a half each.
    assert float(found["map_hard"][0]) == pytest.approx((1 + 7 / 12) / 2)


def test_the_two_denominators_differ_beyond_k_answers() -> None:
    ranks = torch.arange(1, 6, dtype=torch.float64)[None]
    assert float(average_precision(ranks, 2, "min(R, k)")) == 1
    assert float(average_precision(ranks, 2, "R")) == pytest.approx(2 / 5)


def test_an_answer_outside_the_gallery_is_named(
    colour_model: nn.Module, landmarks: ImageDataset
) -> None:
    query = landmarks.items[3]
    lost = Item(query.path, query.labels, "query", (), {"relevant": "g0 g9"})
    broken = ImageDataset("gldv2", landmarks.root, (*landmarks.items[:3], lost), ("landmark",))
    with pytest.raises(DataError, match="lists g9, which is not in the gallery"):
        evaluate_listed(Extractor(colour_model), broken)
