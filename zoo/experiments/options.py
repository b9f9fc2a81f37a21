"""What `rankzoo compare` is told, and what it does: a plan with its cost, or the comparison."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Literal

from zoo.cluster import Cluster, connected
from zoo.data.dataset import ImageDataset, hold_out
from zoo.data.levels import say_crossings
from zoo.device import pick_device
from zoo.errors import DataError, InterruptedRunError, UsageError
from zoo.experiments.candidate import Candidate, choose
from zoo.experiments.claims import Claim, arms, chosen_claims
from zoo.experiments.cost import estimate
from zoo.experiments.launch import launcher
from zoo.experiments.on_ray import launcher_on
from zoo.experiments.plan import Method, Place, Plan, learning_rates
from zoo.experiments.report import write_result
from zoo.experiments.result import Result, result_of
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import Launch, carry_out
from zoo.experiments.settings import open_settings, read_settings
from zoo.experiments.validation import validation_split
from zoo.hub.resolve import resolve_model
from zoo.progress import Track, silent
from zoo.recipes import Recipe
from zoo.recipes.find import Choice, find_embedder_recipe
from zoo.recipes.idle import keys_of
from zoo.recipes.own_images import OWN, fitted
from zoo.recipes.values import to_json
from zoo.runs.fingerprint import fingerprint
from zoo.training.epochs import Epochs
from zoo.training.loader import build_sampler
from zoo.training.setup import read_data

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RATES: dict[Method, str] = {"tpe": "0.25,4", "grid": "0.5,2"}
OFTEN = "how often runs are measured and saved is the comparison's"
# What a comparison sets itself in the recipe of each run.
REPLACED = {
    **dict.fromkeys(("loss", "extra_loss"), "the losses are what is compared"),
    **dict.fromkeys(("engine.evaluate_every", "engine.checkpoint_every"), OFTEN),
}
TRIALS = 8  # tuning runs of a candidate under TPE; each takes a quarter of a run's steps


@dataclass(frozen=True)
class CompareOptions:
    """Everything `rankzoo compare` was told; `cluster`: where runs are carried out, None: here."""

    data: Path
    out: Path
    recipe: str | None = None
    backbone: str | None = None
    losses: str = ""
    claims: str = ""
    changes: Sequence[str] = ()
    seeds: int = 3
    search: Method | None = None
    rates: str = ""
    trials: int | None = None
    tuning_steps: int | None = None
    budget: str = ""
    jobs: int = 1
    batch_size: int | None = None
    device: str = "auto"
    workers: int = 0
    on_bad_image: Literal["fail", "skip"] = "fail"
    offline: bool = False
    cluster: Cluster | None = None

    @property
    def place(self) -> Place:
        """Where and how runs are carried out."""
        return Place(
            self.out,
            self.data,
            device=pick_device(self.device),
            workers=self.workers,
            offline=self.offline,
            on_bad_image=self.on_bad_image,
        )


def plan(options: CompareOptions) -> tuple[Plan, dict[str, Any]]:
    """Read the data and work out every run; return the plan and the settings it must keep.

    Raises:
        UsageError: an unknown recipe, loss, claim or key; a change of a loss.
        DataError: the data cannot be read, or cannot fill a batch.
    """
    asked = [key for change in options.changes for key in keys_of(Recipe, change)]
    for key in asked:
        for name, why in REPLACED.items():
            if f"{key}.".startswith(f"{name}."):
                raise UsageError(f"--set {key}: {why}", "leave it out")
    if options.recipe is None and options.backbone is None:
        raise UsageError("give --backbone", "or name a recipe: rankzoo list shows them")
    choice = Choice(
        options.recipe,
        options.backbone,
        None if options.recipe else "smooth_ap",
        changes=options.changes,
        batch_size=options.batch_size,
    )
    base = find_embedder_recipe(choice)
    found = read_data(base, options.data, options.on_bad_image)
    dataset = found if found.splits else hold_out(found)
    captions = base.captions is not None
    if not captions and "data.levels" not in asked:
        base = replace(base, data=replace(base.data, levels=max(1, len(dataset.levels))))
    base, steps = _settled(base, dataset, captions)
    taking_part = _candidates(options, captions)
    method, trials = _search(options)
    factors = _factors(options.rates or RATES[method], method)
    whole = Plan(
        base,
        taking_part,
        seeds=options.seeds,
        rates=learning_rates(base, factors),
        steps=steps,
        tuning_steps=options.tuning_steps or max(1, steps // 4),
        method=method,
        trials=trials,
    )
    return whole, {
        "recipe": to_json(base),
        "method": whole.method,
        "trials": whole.trials,
        "rates": whole.rates,
        "steps": whole.steps,
        "tuning_steps": whole.tuning_steps,
        "validation": whole.validation,
        "data": fingerprint(dataset, 0, 1)["data"],
    }


def dry_run(options: CompareOptions) -> dict[str, Any]:
    """Say what would be run and how long it would take, timing a few updates."""
    whole, _ = plan(options)
    cost = estimate(whole, options.place, options.jobs)
    tuning_runs = sum(whole.tuning_runs(candidate) for candidate in whole.candidates)
    return {
        "out": str(options.out),
        "contenders": [candidate.name for candidate in whole.candidates],
        "claims": [claim.name for claim in _claims(options, whole.base.captions is not None)],
        "search": whole.method,
        "tuning_runs": tuning_runs,
        "final_runs": whole.runs - tuning_runs,
        "tuning_steps": whole.tuning_steps,
        "steps": whole.steps,
        "learning_rates": list(whole.rates),
        "seeds": whole.seeds,
        **cost,
    }


def execute(options: CompareOptions, command: str = "", track: Track = silent) -> Result:
    """Run whatever is not there yet, within the budget; write and return the result.

    Raises:
        InterruptedRunError: a signal arrived; everything is kept, the result so far is written.
    """
    seconds = parse_budget(options.budget)
    whole, settings = plan(options)
    resolve_model(whole.base.network.backbone, offline=options.offline, track=track)
    open_settings(options.out, settings)
    store = RunStore(whole, options.out)
    claims = _claims(options, whole.base.captions is not None)
    try:
        with _launching(options, store) as launch:
            carry_out(store, launch, jobs=options.jobs, budget_seconds=seconds, track=track)
    except InterruptedRunError:
        write_result(result_of(store, claims, command), options.out)
        raise
    result = result_of(store, claims, command)
    write_result(result, options.out)
    return result


@contextmanager
def _launching(options: CompareOptions, store: RunStore) -> Iterator[Launch]:
    """Yield how runs are started: processes here, or actors of a cluster."""
    if options.cluster is None:
        yield launcher(store, options.place, options.jobs)
        return
    with connected(options.cluster) as ray:
        yield launcher_on(ray, options.cluster, store, options.place)


def parse_budget(text: str) -> int | float:
    """Return seconds of `90s`, `5m`, `2h` or `1d`; of nothing, infinity.

    Raises:
        UsageError: it is none of these.
    """
    if not text:
        return inf
    number, unit = (text[:-1], text[-1]) if text[-1] in UNITS else (text, "s")
    return _number(number, "--budget") * UNITS[unit]


def _number(text: str, flag: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < inf:
        raise UsageError(f"{flag} {text}: not a number above 0", "for example 0.5,2 or 90s, 5m, 2h")
    return value


def _factors(rates: str, method: Method) -> tuple[float, ...]:
    """Return the factors of the learning rate: points of a grid, or the ends of a range.

    Raises:
        UsageError: one of them is no number above 0, or a range has points between its ends.
    """
    factors = tuple(_number(part, "--rates") for part in rates.split(","))
    if method == "tpe" and len(factors) > 2:
        problem = f"--rates {rates}: a search goes over all rates between two ends"
        raise UsageError(problem, "give the two ends, or try these rates alone: --search grid")
    return factors


def _search(options: CompareOptions) -> tuple[Method, int]:
    """Return how settings are searched and in how many runs; a folder goes on as it was begun.

    Raises:
        UsageError: a number of trials for a grid, which has as many as it has points.
    """
    before = read_settings(options.out) or {}
    method: Method = options.search or before.get("method", "tpe")
    if method == "grid" and options.trials is not None:
        raise UsageError(
            f"--trials {options.trials}: a grid has as many as it has points",
            "leave it out, add --rates, or give --search tpe",
        )
    trials = options.trials or before.get("trials", TRIALS)
    return method, 1 if method == "grid" else trials


def _candidates(options: CompareOptions, captions: bool) -> tuple[Candidate, ...]:
    """Return the candidates asked for and those that the claims need, each once."""
    if not options.losses and not options.claims:
        raise UsageError("nothing to compare", "give --losses all, or --claims all")
    chosen = choose(options.losses, captions) if options.losses else []
    needed = [arm for claim in _claims(options, captions) for arm in arms(claim)]
    return tuple({candidate.name: candidate for candidate in [*chosen, *needed]}.values())


def _claims(options: CompareOptions, captions: bool) -> list[Claim]:
    return chosen_claims(options.claims, captions) if options.claims else []


def _settled(base: Recipe, dataset: ImageDataset, captions: bool) -> tuple[Recipe, int]:
    """Fit the recipe to the data: a batch that tuning can fill; count steps.

    Raises:
        DataError: the classes that tuning trains on cannot fill a batch.
    """
    if not captions:
        say_crossings(dataset, base.data.levels)
    small = validation_split(dataset, Plan.validation, captions).split("train")
    if base.name == OWN:
        classes = int((small.label_ids[:, 0].bincount() >= 2).sum())
        if classes < 2:
            raise DataError(
                f"{dataset.place}: comparing needs more classes of two images",
                "a part of the training classes is set aside to choose settings on: add classes",
            )
        base = fitted(base, classes)
    build_sampler(base.batch, small.label_ids, 0)
    training = dataset.split("train")
    sampler = build_sampler(base.batch, training.label_ids, 0)
    return base, Epochs(sampler, base.schedule).steps
