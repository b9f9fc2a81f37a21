"""How hard a kind is tried, where recall and speed of every effort are known in advance."""

from collections.abc import Callable
from math import inf

import pytest

from zoo.index import Plan
from zoo.index.measure import Built, Measured, Workload, measure
from zoo.index.target import Target

CODED = Plan("IVF8,SQ8", refine=2)


class Known(Workload):
    """A workload without vectors: an effort's recall and speed are those of two functions."""

    def __init__(
        self, recall: Callable[[Plan], float], qps: Callable[[Plan], float] = lambda _: 100.0
    ) -> None:
        self.recall, self.qps = recall, qps

    def build(self, kind: str) -> Built:
        return Built(kind, 100, 1.0)

    def run(self, built: Built, plan: Plan, repeats: int = 1) -> Measured:
        assert built.index == plan.kind
        return Measured(plan, self.recall(plan), self.qps(plan), 1.0, 100, 1.0)


def tried(
    known: Known, plan: Plan = CODED, target: Target = Target(), bar: float = 0.0
) -> list[tuple[int, int]]:
    """The efforts that are tried: (refine, nprobe) each."""
    return [(r.plan.refine, r.plan.nprobe) for r in measure(known, plan, target, bar)]


def by_probes(plan: Plan) -> float:
    return {1: 0.5, 2: 0.7, 4: 0.8, 8: 0.9}.get(plan.nprobe, 0.75)


def test_without_a_wanted_recall_every_effort_is_tried_until_one_finds_everything() -> None:
    assert tried(Known(lambda p: p.nprobe / 16))[:5] == [(2, 1), (2, 2), (2, 4), (2, 8), (4, 4)]
    assert tried(Known(lambda p: min(1.0, p.nprobe / 4)), Plan("IVF8,Flat")) == [
        (0, 1),
        (0, 2),
        (0, 4),
    ]


def test_a_search_that_finds_no_more_by_going_harder_is_stuck() -> None:
    assert tried(Known(lambda _: 0.5), Plan("IVF8,Flat")) == [(0, 1), (0, 2)]
    rising = {1: 0.5, 2: 0.501, 4: 0.5012, 8: 0.6}
    assert tried(Known(lambda p: rising[p.nprobe]), Plan("IVF8,Flat")) == [(0, 1), (0, 2), (0, 4)]


def test_the_next_group_begins_one_effort_before_the_last_ones_end() -> None:
    found = tried(Known(lambda p: p.nprobe / 16 + p.refine / 1000))
    assert found == [(2, 1), (2, 2), (2, 4), (2, 8)] + [
        (refine, probes) for refine in (4, 8, 16, 32) for probes in (4, 8)
    ]


def test_between_a_miss_and_a_hit_the_way_is_halved() -> None:
    recall = Known(by_probes)
    assert tried(recall, Plan("IVF8,Flat"), Target(recall=0.72)) == [
        *((0, 1), (0, 2), (0, 4)),
        (0, 3),
    ]


def test_refining_more_is_not_tried_where_the_softest_probe_reaches_the_recall() -> None:
    assert tried(Known(by_probes), target=Target(recall=0.5)) == [(2, 1)]


def test_every_later_group_of_one_that_begins_below_the_bar_is_slower_still() -> None:
    slow = Known(by_probes, lambda _: 50.0)
    assert tried(slow, target=Target(recall=0.99), bar=60.0) == [(2, 1)]


def test_a_group_that_falls_below_the_bar_makes_room_for_the_next() -> None:
    slower = Known(lambda p: p.nprobe / 16 + p.refine / 1000, lambda p: 100.0 / p.nprobe)
    assert tried(slower, target=Target(recall=0.99), bar=30.0) == [
        *((2, 1), (2, 2), (2, 4)),
        *((refine, probes) for refine in (4, 8, 16, 32) for probes in (2, 4)),
    ]


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target(), True),
        (Target(recall=0.9), True),
        (Target(recall=0.91), False),
        (Target(memory_bytes=100), True),
        (Target(memory_bytes=99), False),
        (Target(latency_ms=1.0), True),
        (Target(latency_ms=0.9), False),
        (Target(recall=0.9, memory_bytes=100, latency_ms=0.5), False),
        (Target(recall=0.0, memory_bytes=0), False),
    ],
)
def test_a_target_is_met_when_all_that_it_names_is_there(target: Target, met: bool) -> None:
    row = Measured(Plan(), 0.9, inf, 1.0, 100, 1.0)
    assert row.meets(target) == met


def test_a_row_of_the_table_names_its_plan_as_a_person_writes_it() -> None:
    row = Measured(Plan("IVF8,SQ8", refine=2, nprobe=4), 0.9, 50.0, 1.5, 100, 2.0)
    assert row.to_json() == {
        "plan": "IVF8,SQ8 nprobe=4 refine=2",
        "recall": 0.9,
        "qps": 50.0,
        "latency_ms": 1.5,
        "memory_bytes": 100,
        "build_s": 2.0,
    }
