"""Every protocol says what it is; random galleries are what VehicleID asks for."""

from pathlib import Path

import pytest
import torch

from zoo.data.dataset import ImageDataset, Item
from zoo.data.datasets.voc import CLASSES as VOC
from zoo.data.readers import DATASETS
from zoo.data.scored import ScoredSet
from zoo.embedding.extract import Extractor
from zoo.errors import DataError
from zoo.evaluation.classes import evaluate_classes
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.protocols import BY_DATASET, PROTOCOLS
from zoo.evaluation.queries import each_level, random_galleries


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_defines_itself_and_reads_a_known_set(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert len(protocol.definition) > 100
    assert protocol.headline
    assert protocol.dataset is None or protocol.dataset in DATASETS


def test_a_public_set_is_evaluated_under_its_own_protocol() -> None:
    assert BY_DATASET["sop"] == "sop"
    assert BY_DATASET["vehicleid_large"] == "vehicleid-large"
    assert "captions" not in BY_DATASET


def test_the_papers_of_rank_losses_search_all_vehicles_with_all() -> None:
    protocol = PROTOCOLS["vehicleid-small-all"]
    assert (protocol.dataset, protocol.draws) == ("vehicleid", 1)
    assert BY_DATASET["vehicleid"] == "vehicleid-small"


@pytest.mark.parametrize(
    ("name", "ks"),
    [
        ("sop", (1, 10, 100, 1000)),  # Oh Song et al., CVPR 2016
        ("cub", (1, 2, 4, 8, 16, 32)),
        ("cars", (1, 2, 4, 8, 16, 32)),
        ("inshop", (1, 10, 20, 30, 40, 50)),  # Liu et al., DeepFashion, CVPR 2016
        ("inat", (1, 4, 16, 32)),  # Brown et al., Smooth-AP, ECCV 2020
        ("dyml-vehicle", (1, 10, 20)),  # Sun et al., Dynamic Metric Learning, CVPR 2021
        ("labels", (1, 5, 10)),
    ],
)
def test_recalls_are_cut_where_the_papers_cut_them(name: str, ks: tuple[int, ...]) -> None:
    assert PROTOCOLS[name].ks == ks


@pytest.mark.parametrize(("size", "count"), [("small", 800), ("medium", 1600), ("large", 2400)])
def test_vehicle_lists_have_their_published_sizes(size: str, count: int) -> None:
    """Liu et al., Deep Relative Distance Learning, CVPR 2016."""
    for name in (f"vehicleid-{size}", f"vehicleid-{size}-all"):
        assert f"test list of {count} vehicles" in PROTOCOLS[name].definition
        assert PROTOCOLS[name].ks == (1, 5)
    assert PROTOCOLS[f"vehicleid-{size}"].draws == 10


@pytest.mark.parametrize(
    ("name", "images", "folds", "said"),
    [
        ("coco-5k", 5000, 1, "at once"),
        ("coco-1k", 5000, 5, "5 folds of 1000 images"),
        ("flickr30k", 1000, 1, "at once"),
    ],
)
def test_captions_are_searched_in_the_folds_of_the_karpathy_split(
    name: str, images: int, folds: int, said: str
) -> None:
    """Karpathy and Fei-Fei, CVPR 2015; five folds as Faghri et al., VSE++, BMVC 2018."""
    protocol = PROTOCOLS[name]
    assert (protocol.draws, protocol.headline, protocol.kind) == (folds, ("rsum",), "captions")
    assert f"{images} images, {said}" in protocol.definition


@pytest.fixture
def vehicles() -> ImageDataset:
    items = [
        Item(Path(f"{n}.jpg"), (str(n % 7),), "test" if n < 42 else "train") for n in range(60)
    ]
    return ImageDataset("vehicleid", Path(), tuple(items), ("vehicle",))


def test_each_draw_has_one_image_of_every_vehicle_and_asks_with_the_rest(
    vehicles: ImageDataset,
) -> None:
    labels = vehicles.label_ids[:, 0]
    for task in random_galleries(vehicles, draws=5, seed=0):
        assert labels[task.gallery].sort().values.tolist() == list(range(7))
        assert sorted([*task.gallery.tolist(), *task.queries.tolist()]) == list(range(42))
        assert not task.itself


def test_draws_follow_from_the_seed_and_every_image_gets_its_turn(vehicles: ImageDataset) -> None:
    first, again, other = (
        [t.gallery.tolist() for t in random_galleries(vehicles, 60, seed)] for seed in (0, 0, 1)
    )
    assert first == again != other
    assert {place for gallery in first for place in gallery} == set(range(42))


def test_draws_are_averaged_over_all_their_queries(vehicles: ImageDataset) -> None:
    vectors = torch.nn.functional.normalize(torch.randn(60, 4), dim=1)

    class Looked(Extractor):
        def __call__(self, paths, name, boxes=None):  # type: ignore[no-untyped-def]
            return vectors[[int(path.stem) for path in paths]]

    tasks = random_galleries(vehicles, draws=3, seed=0)
    extract = Looked(torch.nn.Identity())
    alone = [evaluate_images(extract, vehicles, [t]).evaluations[0].metrics for t in tasks]
    together = evaluate_images(extract, vehicles, tasks).evaluations[0]
    mean = sum(metrics["recall_at_1"] for metrics in alone) / 3
    assert together.metrics["recall_at_1"] == pytest.approx(mean, abs=1e-12)
    assert (together.queries, together.gallery) == (35, 7)


def test_voc_scores_give_both_means_and_every_class() -> None:
    present = torch.tensor([[True, False], [False, True], [True, True]])
    paths = (Path("1"), Path("2"), Path("3"))
    data = ScoredSet(paths, ("cat", "dog"), present.float(), present & False)
    found = evaluate_classes(present.double(), data)
    means = {"voc_map_11_point": 1, "voc_map_area": 1}
    assert found.metrics == {**means, "ap_cat": 1, "ap_dog": 1}
    with pytest.raises(DataError, match=r"shape \(2, 2\) for 3 images"):
        evaluate_classes(torch.zeros(2, 2), data)


@pytest.mark.parametrize(("names", "protocol"), [(VOC, "voc07"), (("cat", "dog"), "multi-label")])
def test_only_vocs_twenty_classes_together_are_measured_as_voc(
    names: tuple[str, ...], protocol: str
) -> None:
    present = torch.arange(len(names))[:, None] == torch.arange(len(names))
    paths = tuple(Path(str(n)) for n in range(len(names)))
    found = evaluate_classes(
        present.double(), ScoredSet(paths, names, present.float(), present & False)
    )
    assert found.protocol == protocol


def test_a_query_that_any_level_answers_is_not_counted_as_left_out() -> None:
    """One image is alone at the fine level, another at both."""
    labels = [("a", "x"), ("a", "x"), ("b", "x"), ("c", "y")]
    items = tuple(Item(Path(f"{n}.jpg"), names) for n, names in enumerate(labels))
    dataset = ImageDataset("made", Path(), items, ("label", "label_level_2"))
    vectors = torch.nn.functional.normalize(torch.randn(4, 4), dim=1)

    class Looked(Extractor):
        def __call__(self, paths, name, boxes=None):  # type: ignore[no-untyped-def]
            return vectors[[int(path.stem) for path in paths]]

    found = evaluate_images(Looked(torch.nn.Identity()), dataset, each_level(dataset)).evaluations
    assert found[0].counted == "3 of 4 queries"
