"""The stages of the quickstart: the functions behind `train`, `eval`, `index build` and `search`.

Task: find an emoji of one artist (Twemoji) among those of another (OpenMoji), for emoji that were
not in training. Images and pretrained weights come from pip packages; nothing is downloaded.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from zoo.embedding.options import EmbedOptions
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.files import refuse_to_overwrite
from zoo.metrics.evaluation import Evaluation
from zoo.models import Embedder, load_embedder, save_embedder
from zoo.progress import Track, silent
from zoo.quickstart.examples import Example, draw_queries, find_examples, index_gallery
from zoo.recipes import Recipe
from zoo.recipes.find import Choice, find_embedder_recipe
from zoo.training.loop import train
from zoo.training.setup import build_network, read_data

RECIPE = "emoji-sup_hap"


@dataclass
class Quickstart:
    """What the quickstart did: both evaluations, the images found, the seconds of each stage."""

    out: Path
    recipe: Recipe
    seed: int
    seconds: dict[str, float] = field(default_factory=dict)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    @property
    def report(self) -> Path:
        """Where the report is."""
        return self.out / "report.html"

    @property
    def commands(self) -> list[str]:
        """The commands that do the same, once everything is done."""
        out, data = self.out, self.out / "data"
        train_it = (
            f"rankzoo train {self.recipe.name} --data {data} --out {out / 'run'} --seed {self.seed}"
        )
        steps = f" --set schedule.steps={self.recipe.schedule.steps}"
        return [
            f"rankzoo eval {out / 'pretrained'} --data {data}",
            train_it + steps,
            f"rankzoo eval {out / 'run'} --data {data}",
            f"rankzoo index build --model {out / 'run'} --images {data} --split gallery"
            f" --out {out / 'index'}",
            f"rankzoo search {out / 'index'} {self.examples['after'][0].query.path}",
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what `rankzoo quickstart --json` prints."""
        return {
            **{name: found.metrics for name, found in self.evaluations.items()},
            "seconds": round(sum(self.seconds.values()), 1),
            "stages": {name: round(value, 1) for name, value in self.seconds.items()},
            "seed": self.seed,
            "steps": self.recipe.schedule.steps,
            "report": str(self.report),
            "commands": self.commands,
        }


def quickstart_recipe(steps: int | None = None) -> Recipe:
    """Return what the quickstart trains, for its own number of steps or another."""
    changes = [] if steps is None else [f"schedule.steps={steps}"]
    return find_embedder_recipe(Choice(RECIPE, changes=changes))


def run_quickstart(
    out: Path,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "cpu",
    track: Track = silent,
) -> Quickstart:
    """Run every stage into the folder `out`; `write_report` then shows what was done.

    recipe: what is drawn, and trained.

    Raises:
        UsageError: `out` is taken, or a package of the extra `quickstart` is missing.
    """
    refuse_to_overwrite(out)
    done = Quickstart(out, recipe, seed)
    with _timed(done, "draw the emoji"):
        dataset = read_data(recipe, out / "data")
    with _timed(done, "load the pretrained model"):
        model = cast(Embedder, build_network(recipe, offline=True)).eval()
        save_embedder(model, out / "pretrained")
    with _timed(done, "evaluate"):
        found = evaluate_retrieval(model, dataset, EmbedOptions(device=device, track=track))
        done.evaluations["before"] = found
    with _timed(done, "index and search"):
        queries = draw_queries(dataset, seed)
        index = index_gallery(model, out / "pretrained", dataset, out / "index-before", track)
        done.examples["before"] = find_examples(index, model, queries)
    with _timed(done, "train and evaluate"):
        run = train(recipe, dataset, model, out / "run", device=device, seed=seed, track=track)
        assert run.evaluation is not None  # half of the classes are held out
        done.evaluations["after"] = run.evaluation
    with _timed(done, "index and search again"):
        trained = load_embedder(out / "run").to(device)
        index = index_gallery(trained, out / "run", dataset, out / "index", track)
        done.examples["after"] = find_examples(index, trained, queries)
    return done


@contextmanager
def _timed(done: Quickstart, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    done.seconds[stage] = time.perf_counter() - start


def free_folder(wanted: Path) -> Path:
    """Return `wanted`, or the first of `wanted-2`, `wanted-3`, … that does not exist yet."""
    folder, taken = wanted, 1
    while folder.exists():
        taken += 1
        folder = wanted.with_name(f"{wanted.name}-{taken}")
    return folder
