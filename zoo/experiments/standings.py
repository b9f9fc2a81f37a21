"""From outcomes to a table: means with intervals, and what is clearly behind the best."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import torch
from torch import Tensor

from zoo.evaluation.paired import SURE
from zoo.experiments.candidate import Candidate, Changes
from zoo.experiments.measure import GAP
from zoo.experiments.outcome import Outcome, read_values
from zoo.experiments.plan import Edge, Trial, at_edge
from zoo.experiments.run_store import RunStore
from zoo.metrics.uncertainty import (
    Difference,
    Interval,
    bootstrap_mean,
    holm,
    mean_over_runs,
    paired_difference,
)

IMAGES = ("recall_at_1", "map_at_r", "h_ap", "ndcg")
PLAIN = ("recall_at_1", "map_at_r", "mean_average_precision")  # one label level
CAPTIONS = ("t2i_recall_at_1", "t2i_recall_at_10", "i2t_recall_at_1")
DRAWS = 2000

Values = Mapping[str, Tensor]  # metric -> one value a query


@dataclass(frozen=True)
class Behind:
    """How far a candidate is behind the best in a metric.

    `p_value` is that of the paired permutation test over queries, seeds averaged, adjusted for the
    number of candidates (Holm). `clear`: it is at most 0.05, and the candidate is behind in every
    seed both have.
    """

    best: str
    difference: float
    p_value: float
    clear: bool


@dataclass(frozen=True)
class Standing:
    """A candidate in the table; without a finished run that counts, `note` says why.

    `settled`: none of its runs is left to do.
    `metrics`: mean over seeds with its 95 % interval, by Student's t over seeds, or over queries
    by bootstrap when there is one seed. `validation` is what tuning chose `point` by.
    `edge`: its learning rate is at the high or the low end of those that were searched, so that a
    better one may lie beyond.
    """

    name: str
    note: str = ""
    settled: bool = False
    seeds: int = 0
    point: Changes = field(default_factory=dict)
    validation: float | None = None
    edge: Edge = ""
    metrics: Mapping[str, Interval] = field(default_factory=dict)
    behind: Mapping[str, Behind] = field(default_factory=dict)
    step_seconds: float = 0.0
    memory_bytes: int = 0


def headline_metrics(standings: Sequence[Standing]) -> tuple[str, ...]:
    """Return the metrics that the table shows, the first of which orders it."""
    found = {name for standing in standings for name in standing.metrics}
    if "t2i_recall_at_1" in found:
        return CAPTIONS
    return IMAGES if "h_ap" in found else PLAIN


def standings(store: RunStore) -> list[Standing]:
    """Return every candidate, best first, then those without a result in the plan's order."""
    candidates = store.plan.candidates
    values = {c.name: values_of(c, store) for c in candidates}
    rows = [_standing(c, store, values[c.name]) for c in candidates]
    shown = headline_metrics(rows)
    compared = [row for row in rows if row.metrics]
    behind = {metric: against_best(metric, compared, values) for metric in shown}
    rows = [
        replace(row, behind={m: f[row.name] for m, f in behind.items() if row.name in f})
        for row in rows
    ]
    first = shown[0]
    return sorted(rows, key=lambda row: -row.metrics[first].mean if row.metrics else 1.0)


def against_best(
    metric: str, rows: Sequence[Standing], values: Mapping[str, Mapping[int, Values]]
) -> dict[str, Behind]:
    """Return how far each candidate but the best is behind it in a metric."""
    if not rows:
        return {}
    best = max(rows, key=lambda row: row.metrics[metric].mean).name
    others = [row.name for row in rows if row.name != best]
    found = [paired(metric, values[best], values[name]) for name in others]
    adjusted = holm([difference.p_value for difference, _ in found])
    return {
        name: Behind(best, difference.mean, p, bool(p <= SURE and agree))
        for name, (difference, agree), p in zip(others, found, adjusted, strict=True)
    }


def paired(
    metric: str, a: Mapping[int, Values], b: Mapping[int, Values]
) -> tuple[Difference, bool]:
    """Return b - a in a metric over queries, and whether all common seeds agree on its sign.

    The runs of each are averaged query by query; a seed that only one of them has counts too.
    """
    found = paired_difference(_mean(a, metric), _mean(b, metric), draws=DRAWS)
    sign = 1 if found.mean > 0 else -1
    common = a.keys() & b.keys()
    gains = [float((b[seed][metric] - a[seed][metric]).nanmean()) for seed in common]
    return found, all(sign * gain > 0 for gain in gains)


def _mean(runs: Mapping[int, Values], metric: str) -> Tensor:
    return torch.stack([values[metric] for values in runs.values()]).mean(dim=0)


def values_of(candidate: Candidate, store: RunStore) -> dict[int, Values]:
    """Return the per-query values of a candidate's finished runs, by seed."""
    return {
        trial.seed: read_values(store.run(trial))
        for trial in store.finals(candidate)
        if (outcome := store.outcome(trial)) and outcome.status == "ok"
    }


def _standing(candidate: Candidate, store: RunStore, values: Mapping[int, Values]) -> Standing:
    runs = [*store.tuning(candidate), *store.finals(candidate)]
    over = {trial: outcome for trial in runs if (outcome := store.outcome(trial))}
    done = [o for t, o in over.items() if t.stage == "final" and o.status == "ok"]
    left = _unfinished(candidate, store, over)
    chosen = store.chosen(candidate)
    settings = chosen.settings if chosen else {}
    return Standing(
        candidate.name,
        note="; ".join([*_failures(over), *([left] if left else [])]),
        settled=not left,
        seeds=len(done),
        point=settings,
        validation=over[chosen].validation if chosen in over else None,
        edge=at_edge(settings, store.plan.rates, store.plan.method),
        metrics={} if not done else intervals(done, values),
        step_seconds=fmean(o.step_seconds for o in done) if done else 0.0,
        memory_bytes=max((o.memory_bytes for o in done), default=0),
    )


def intervals(done: Sequence[Outcome], values: Mapping[int, Values]) -> dict[str, Interval]:
    """Return the mean of each metric over runs with its interval: over seeds, or queries."""
    found = {name: mean_over_runs([o.metrics[name] for o in done]) for name in done[0].metrics}
    if len(done) > 1:
        return found
    one = next(iter(values.values()))
    for name, queries in one.items():
        found[name] = bootstrap_mean(queries, draws=DRAWS)
    return found


def _unfinished(candidate: Candidate, store: RunStore, over: Mapping[Trial, Outcome]) -> str:
    """Return which runs of a candidate are left to do; nothing when none is."""
    wanted = store.plan.tuning_runs(candidate)
    tuned = [o for t, o in over.items() if t.stage == "tuning"]
    if len(tuned) == wanted and tuned and all(o.status != "ok" for o in tuned):
        return ""  # no setting works: there is nothing to run at
    finals, seeds = len(over) - len(tuned), len(store.plan.seeds_of(candidate))
    if len(tuned) == wanted and finals == seeds:
        return ""
    return f"not finished: {len(tuned)} of {wanted} tuning runs, {finals} of {seeds} seeds"


def _failures(over: Mapping[Trial, Outcome]) -> list[str]:
    """Return what went wrong, each reason once, with how often it did."""
    reasons = Counter(f"{o.status}: {o.note}" for o in over.values() if o.status != "ok")
    return [f"{reason} ({times} of {len(over)} runs)" for reason, times in reasons.items()]


def quality_and_gap(shown: Sequence[str], rows: Sequence[Standing]) -> tuple[str, ...]:
    """Return the table's metrics, with the decomposability gap where it was measured."""
    return (*shown, GAP) if any(GAP in row.metrics for row in rows) else tuple(shown)
