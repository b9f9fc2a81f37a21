"""DyML on miniatures of its two layouts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zoo.data.dataset import ImageDataset
from zoo.data.open import open_dataset
from zoo.embedding.extract import Extractor
from zoo.errors import DataError
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.queries import Task, each_level, query_lists
from zoo.metrics.evaluation import Evaluation

Lay = Callable[..., Path]
TRAIN = "fname, fine_id0.jpg, middle_id, coarse_id\na.jpg, 4, 1, 0\nb.jpg, 4, 1, 0\n"
LIST = "fname, labels0.jpg\n"
TEXTS = {"train/label.csv": TRAIN}
IMAGES = ["train/imgs/a.jpg", "train/imgs/b.jpg"]
for _name in ("fine", "middle", "coarse"):
    TEXTS[f"bmk_{_name}/query.csv"] = f"{LIST}q.jpg, 7\n"
    TEXTS[f"bmk_{_name}/gallery.csv"] = f"{LIST}g.jpg, 7\nq.jpg, 7\nh.jpg, 8\n"
    IMAGES += [f"bmk_{_name}/gallery/{image}.jpg" for image in "gqh"]
    IMAGES.append(f"bmk_{_name}/query/q.jpg")


@pytest.mark.parametrize("name", ["dyml_vehicle", "dyml_animal"])
def test_three_levels_train_and_three_lists_test(lay: Lay, name: str) -> None:
    dataset = open_dataset(name, lay(TEXTS, IMAGES))
    assert dataset.levels == ("fine", "middle", "coarse")
    train = [item for item in dataset.items if item.split == "train"]
    assert [(item.path.name, item.labels) for item in train] == [
        ("a.jpg", ("4", "1", "0")),
        ("b.jpg", ("4", "1", "0")),
    ]
    fine = [item for item in dataset.items if item.extra.get("list") == "fine"]
    assert [item.path.name for item in fine if "query" in item.extra] == ["q.jpg"]
    assert sorted(item.path.name for item in fine) == ["g.jpg", "h.jpg", "q.jpg"]
    assert {item.labels[0] for item in fine} == {"fine 7", "fine 8"}


def test_each_list_is_searched_alone_and_the_querys_own_image_taken_out(lay: Lay) -> None:
    dataset = open_dataset("dyml_vehicle", lay(TEXTS, IMAGES))
    tasks = query_lists(dataset)
    assert [(len(task.queries), len(task.gallery)) for task in tasks] == [(1, 3)] * 3
    for task in tasks:
        assert task.itself
        assert set(task.queries.tolist()) <= set(task.gallery.tolist())
        assert len({dataset.items[place].extra["list"] for place in task.gallery}) == 1


def test_lists_and_levels_count_alike_however_many_queries_they_have(lay: Lay) -> None:
    rows = [f"q{i}.jpg, {i % 2}\n" for i in range(6)]
    texts = TEXTS | {f"bmk_fine/{part}.csv": LIST + "".join(rows) for part in ("query", "gallery")}
    images = [
        *IMAGES,
        *(f"bmk_fine/{part}/q{i}.jpg" for part in ("query", "gallery") for i in range(6)),
    ]
    dataset = open_dataset("dyml_vehicle", lay(texts, images))
    tasks = query_lists(dataset)
    alone = [evaluated(dataset, [task]).metrics for task in tasks]
    together = evaluated(dataset, tasks)
    assert together.queries == 6 + 1 + 1
    for name in ("mean_average_precision", "asi", "recall_at_1"):
        assert len({metrics[name] for metrics in alone}) > 1
        mean = sum(metrics[name] for metrics in alone) / 3
        assert together.metrics[name] == pytest.approx(mean, abs=1e-12)
        assert float(together.per_query[name].nanmean()) == pytest.approx(mean, abs=1e-12)


def test_products_are_asked_at_each_level_in_turn(lay: Lay) -> None:
    test = "".join(f"{i}.jpg, {i // 2}, {i // 4}, 0\n" for i in range(8))
    texts = {
        "train/label.csv": TRAIN,
        "mini-bmk_all_in_one/label.csv": TRAIN.split("\n")[0] + "\n" + test,
    }
    images = ["train/imgs/a.jpg", "train/imgs/b.jpg"]
    images += [f"mini-bmk_all_in_one/imgs/{i}.jpg" for i in range(8)]
    dataset = open_dataset("dyml_product", lay(texts, images))
    tasks = each_level(dataset)
    found = [evaluated(dataset, [task]) for task in tasks]
    assert found[2].metrics["mean_average_precision"] == 1  # everything is of one coarse class
    for level, task in enumerate(tasks):  # the oracle: a data set of that level alone
        items = [replace(item, labels=(item.labels[level],)) for item in dataset.items]
        flat = ImageDataset("flat", dataset.root, tuple(items), ("only",))
        oracle = evaluated(flat, [replace(task, level=None)]).metrics
        assert {n: found[level].metrics[n] for n in oracle} == pytest.approx(oracle)
    both = evaluated(dataset, tasks)
    assert both.queries == 8
    mean = sum(e.metrics["asi"] for e in found) / 3
    assert both.metrics["asi"] == pytest.approx(mean)


def evaluated(dataset: ImageDataset, tasks: list[Task]) -> Evaluation:
    """Evaluate fixed random vectors under the tasks."""
    vectors = torch.randn(len(dataset.items), 4, generator=torch.Generator().manual_seed(3))
    where = {item.path: vectors[i] for i, item in enumerate(dataset.items)}

    class Looked(Extractor):
        def __call__(self, paths, name, boxes=None):  # type: ignore[no-untyped-def]
            return torch.nn.functional.normalize(torch.stack([where[p] for p in paths]), dim=1)

    return evaluate_images(Looked(torch.nn.Identity()), dataset, tasks, (1, 10, 20)).evaluations[0]


def test_data_without_lists_is_refused(lay: Lay) -> None:
    dataset = open_dataset("dyml_vehicle", lay(TEXTS, IMAGES)).split("train")
    with pytest.raises(DataError, match="no image belongs to a query list"):
        query_lists(dataset)


def test_products_are_one_list_with_three_levels(lay: Lay) -> None:
    texts = {"train/label.csv": TRAIN, "mini-bmk_all_in_one/label.csv": TRAIN}
    images = [f"{part}/imgs/{n}.jpg" for part in ("train", "mini-bmk_all_in_one") for n in "ab"]
    dataset = open_dataset("dyml_product", lay(texts, images))
    assert [item.split for item in dataset.items] == ["train", "train", "test", "test"]
    assert dataset.items[3].labels == ("4", "1", "0")


def test_a_short_row_and_a_label_of_two_minds_are_named(lay: Lay) -> None:
    root = lay({**TEXTS, "train/label.csv": "fname, a, b, c\na.jpg, 4, 1\n"}, IMAGES)
    with pytest.raises(DataError, match=r"label\.csv row 2: 3 cells, not 4"):
        open_dataset("dyml_vehicle", root)
    (root / "train" / "label.csv").write_text(TRAIN)
    (root / "bmk_middle" / "query.csv").write_text(f"{LIST}q.jpg, 9\n")
    with pytest.raises(DataError, match="9 as a query and 7 in the gallery"):
        open_dataset("dyml_vehicle", root)
