"""The quickstart's stages on six coloured squares: what each hands on, writes and tells."""

import base64
import json
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from markupsafe import Markup, escape
from PIL import Image

from zoo import __version__
from zoo.data.dataset import ImageDataset, Item, read_dataset
from zoo.data.drawn import Drawing, Drawn
from zoo.data.open import DRAWN
from zoo.data.preprocessing import Preprocessing
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.index import Index
from zoo.models import Embedder, EmbedderConfig, build_embedder, load_embedder, save_embedder
from zoo.quickstart import Quickstart, quickstart_recipe, run_quickstart, write_report
from zoo.quickstart.examples import Example, draw_queries
from zoo.recipes import RECIPES, Recipe
from zoo.recipes.own_images import own_recipe
from zoo.recipes.recipe import Batch, Schedule
from zoo.runs.record import read_rows

SEED, STEPS = 3, 20  # a row of the record every ten steps
STAGES = [
    "draw the emoji",
    "load the pretrained model",
    "evaluate",
    "index and search",
    "train and evaluate",
    "index and search again",
]
COLOURS = ("dark_red", "green", "blue", "grey", "pale_pink", "brown")


def draw_squares(folder: Path) -> ImageDataset:
    """Six colours by two artists, a shade each; three colours are held out."""

    def draw(staged: Path) -> Drawing:
        random, items = np.random.default_rng(0), []
        for number, colour in enumerate(COLOURS):
            shade = random.integers(0, 200, 3)
            for artist, split in (("one", "query"), ("two", "gallery")):
                for copy in range(3):
                    pixels = shade + random.integers(0, 50, (16, 16, 3))
                    path = staged / artist / f"{colour}-{copy}.png"
                    path.parent.mkdir(exist_ok=True)
                    Image.fromarray(pixels.astype(np.uint8)).save(path)
                    labels = (colour, "square")
                    items.append(Item(path, labels, split if number % 2 else "train"))
        return items, ()

    return Drawn("squares", {"size": 16}, levels=2).into(folder, draw)


@dataclass(frozen=True)
class Done:
    """A finished quickstart, what it was told to do, and its seconds by the clock."""

    quickstart: Quickstart
    recipe: Recipe
    backbone: Path
    seconds: float
    page: str

    @property
    def out(self) -> Path:
        return self.quickstart.out

    @property
    def dataset(self) -> ImageDataset:
        return read_dataset(self.out / "data")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("quickstart")
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=16, resize=16))
    save_embedder(spread_out(build_embedder(config)), folder / "backbone")
    small = own_recipe(str(folder / "backbone"), "smooth_ap")
    small = replace(small, name="squares-smooth_ap", data=replace(small.data, reader="squares"))
    small = replace(
        small, batch=Batch(6, per_class=2), schedule=Schedule(steps=STEPS, kind="cosine")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DRAWN, "squares", draw_squares)
        began = time.perf_counter()
        made = run_quickstart(folder / "out", small, seed=SEED)
        took = time.perf_counter() - began
    write_report(made)
    return Done(made, small, folder / "backbone", took, made.report.read_text(encoding="utf-8"))


def spread_out(model: Embedder) -> Embedder:
    """Give batch norms the statistics of colours: random weights alone embed all nearly alike."""
    model.train()
    for _ in range(10):
        model(torch.rand(64, 3, 1, 1).expand(64, 3, 16, 16))
    return model.eval()


def vectors_of(model: Path, items: list[Item]) -> torch.Tensor:
    return load_embedder(model).embed_images([item.path for item in items])


def test_the_recipe_is_the_shipped_one_for_its_own_steps_or_those_asked_for() -> None:
    shipped = RECIPES["emoji-sup_hap"]
    assert quickstart_recipe() == quickstart_recipe(None) == shipped
    assert isinstance(shipped, Recipe)
    assert quickstart_recipe(15) == replace(shipped, schedule=replace(shipped.schedule, steps=15))


def test_every_stage_is_timed_in_order_and_none_twice(done: Done) -> None:
    seconds = done.quickstart.seconds
    assert list(seconds) == STAGES
    assert all(took > 0 for took in seconds.values())
    assert 0 < sum(seconds.values()) <= done.seconds


def test_each_stage_leaves_its_folder(done: Done) -> None:
    names = {path.name for path in done.out.iterdir()}
    assert names == {"data", "pretrained", "index-before", "run", "index", "report.html"}
    assert {item.path.name for item in done.dataset.items} == {
        f"{colour}-{copy}.png" for colour in COLOURS for copy in range(3)
    }
    items = list(done.dataset.items)
    pretrained = vectors_of(done.out / "pretrained", items)
    assert torch.equal(pretrained, vectors_of(done.backbone, items))
    assert not torch.allclose(pretrained, vectors_of(done.out / "run", items))
    rows = [row for row in read_rows(done.out / "run") if "loss" in row]
    assert [row["step"] for row in rows] == [10, 20]


def test_before_is_what_the_pretrained_model_reaches_and_after_what_the_run_does(
    done: Done,
) -> None:
    found = done.quickstart.evaluations
    assert list(found) == ["before", "after"]
    for name, folder in (("before", "pretrained"), ("after", "run")):
        expected = evaluate_retrieval(load_embedder(done.out / folder), done.dataset)
        assert found[name].metrics == pytest.approx(expected.metrics)
        assert (found[name].queries, found[name].gallery) == (9, 9)
    results = json.loads((done.out / "run" / "results.json").read_text())
    assert found["after"].metrics == results["metrics"]


@pytest.mark.parametrize(
    ("name", "folder", "model"),
    [("before", "index-before", "pretrained"), ("after", "index", "run")],
)
def test_an_index_of_the_gallery_answers_queries_drawn_by_the_seed(
    done: Done, name: str, folder: str, model: str
) -> None:
    index = Index.open(done.out / folder)
    assert index.manifest.model.name == str((done.out / model).absolute())
    paths = {index.root / hit.record.path for hit in index.items(index.ids())}
    assert paths == {item.path for item in done.dataset.split("gallery").items}
    examples = done.quickstart.examples[name]
    queries = [example.query for example in examples]
    assert queries == draw_queries(done.dataset, SEED)
    assert {query.labels[0] for query in queries} == {"green", "grey", "brown"}
    again = index.search(vectors_of(done.out / model, queries), 6)
    assert [[h.record.id for h in e.hits] for e in examples] == [
        [h.record.id for h in hits] for hits in again
    ]
    assert all(len(example.hits) == 6 for example in examples)


def test_what_is_printed_is_what_was_found(done: Done) -> None:
    made, out = done.quickstart, done.out
    told = made.to_json()
    assert told["before"] == made.evaluations["before"].metrics
    assert told["after"] == made.evaluations["after"].metrics
    assert told["seconds"] == pytest.approx(sum(made.seconds.values()), abs=0.051)
    assert list(told["stages"]) == STAGES
    assert list(told["stages"].values()) == [round(took, 1) for took in made.seconds.values()]
    assert told["seconds"] == round(sum(made.seconds.values()), 1)
    assert (told["seed"], told["steps"], told["report"]) == (SEED, STEPS, str(out / "report.html"))
    query = made.examples["after"][0].query.path
    assert told["commands"] == [
        f"rankzoo eval {out}/pretrained --data {out}/data",
        f"rankzoo train squares-smooth_ap --data {out}/data --out {out}/run --seed {SEED}"
        f" --set schedule.steps={STEPS}",
        f"rankzoo eval {out}/run --data {out}/data",
        f"rankzoo index build --model {out}/run --images {out}/data --split gallery"
        f" --out {out}/index",
        f"rankzoo search {out}/index {query}",
    ]


def section(page: str, heading: str) -> str:
    """The part of the page under a heading."""
    (found,) = re.findall(rf"<h2>{heading}</h2>(.*?)</section>", page, re.S)
    return str(found)


def rows_of(part: str) -> list[list[str]]:
    """The cells of a table's rows, as a reader sees them."""
    plain = part.replace("<wbr>", "")
    rows = re.findall(r"<tr>(.*?)</tr>", plain, re.S)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_the_report_shows_each_number_before_and_after(done: Done) -> None:
    part = section(done.page, "Before and after")
    before, after = (done.quickstart.evaluations[name] for name in ("before", "after"))
    header, *rows = rows_of(part)
    assert header == ["metric", "before", "after"]
    shown = ["recall_at_1", "recall_at_5", "recall_at_10", "map_at_r", "mean_average_precision"]
    assert rows == [[n, f"{before.metrics[n]:.4f}", f"{after.metrics[n]:.4f}"] for n in shown]
    assert escape(f"{after.protocol}: {after.definition}.") in part
    assert "9 queries by Twemoji, 9 answers by OpenMoji" in done.page


def test_the_report_shows_each_query_with_its_answers_right_and_wrong(done: Done) -> None:
    part = section(done.page, "Images")
    assert f"3 queries drawn at random (seed {SEED})" in part
    made = done.quickstart.examples
    expected = [
        (name, *asked_and_found(example))
        for pair in zip(made["before"], made["after"], strict=True)
        for name, example in zip(("before", "after"), pair, strict=True)
    ]
    rows = re.findall(r'<div class="name">(\w+)</div>(.*?)</div>', part, re.S)
    alt = r'alt="([^"]*)"><figcaption>([^<]*)<'
    assert [(name, *re.findall(alt, figures)) for name, figures in rows] == expected
    assert any(alt.startswith("right: ") for row in expected for alt, _ in row[1:])
    assert any(alt.startswith("wrong: ") for row in expected for alt, _ in row[1:])


def asked_and_found(example: Example) -> list[tuple[str, str]]:
    """What stands at a query's image and at its hits: a sentence, and the class in words."""
    asked = example.query.labels[0]
    kinds = [("query", asked)]
    kinds += [("right" if hit.label == asked else "wrong", hit.label) for hit in example.hits]
    names = [(kind, name.replace("_", " ")) for kind, name in kinds]
    return [(f"{kind}: {name}", name) for kind, name in names]


def test_the_report_draws_the_loss_of_every_step_that_recorded_one(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = section(done.page, "Training")
    assert 'alt="loss (smooth_ap) over step"' in part
    drawn = base64.b64decode(part.split("base64,")[1].split('"')[0])
    assert b"<svg" in drawn
    given: list[Any] = []

    def line_chart(*told: Any) -> Markup:
        given.extend(told)
        return Markup()

    monkeypatch.setattr("zoo.report.line_chart", line_chart)
    write_report(done.quickstart)
    rows = [row for row in read_rows(done.out / "run") if "loss" in row]
    assert given[0] == {"loss": [(row["step"], row["loss"]) for row in rows]}


def test_the_report_tells_the_settings_the_seconds_and_the_commands(done: Done) -> None:
    recipe, made = done.recipe, done.quickstart
    assert rows_of(section(done.page, "Settings"))[1:] == [
        ["rankzoo", __version__],
        ["recipe", "squares-smooth_ap"],
        ["backbone", str(done.backbone)],
        ["loss", "smooth_ap"],
        ["steps", str(STEPS)],
        ["images a step", "6"],
        ["images a class", "2"],
        ["optimiser", f"{recipe.optimiser.name}, learning rate {recipe.optimiser.lr:g}"],
        ["schedule", "cosine"],
        ["seed", str(SEED)],
    ]
    seconds = rows_of(section(done.page, "Seconds"))
    assert seconds == [["stage", "seconds"], *([n, f"{s:.1f}"] for n, s in made.seconds.items())]
    by_hand = section(done.page, "The same by hand")
    assert all(str(escape(line)) in by_hand for line in made.commands)
    licences = section(done.page, "Licences")
    assert all(name in licences for name in ("CC-BY 4.0", "CC-BY-SA 4.0", "Apache-2.0"))
