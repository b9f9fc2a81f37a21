"""A result carries its protocol into JSON, and keeps its queries to itself."""

import json
from dataclasses import replace

import pytest
import torch

from zoo.metrics.evaluation import Evaluation
from zoo.metrics.summary import summarise

PER_QUERY = {
    "recall@1": torch.tensor([1.0, 0.0, torch.nan, 1.0, 1.0]).double(),
    "median_rank": torch.tensor([1.0, 7.0, torch.nan, 2.0, 1.0]).double(),
}


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation(
        "emoji",
        "Each image searched with the others",
        summarise(PER_QUERY),
        queries=4,
        gallery=5,
        skipped=1,
        options={"metric": "cosine"},
        per_query=PER_QUERY,
        query_items=(0, 1, 2, 3, 4),
        resampled=lambda rows: {},
    )


def test_ranks_are_summed_up_by_their_median_and_all_else_by_its_mean() -> None:
    assert summarise(PER_QUERY) == {"recall@1": 0.75, "median_rank": 1.5}


def test_it_says_of_how_many_queries_the_numbers_are(evaluation: Evaluation) -> None:
    assert evaluation.counted == "3 of 4 queries"
    assert replace(evaluation, queries=5000, skipped=0).counted == "5,000 queries"


def test_json_holds_the_numbers_with_their_protocol_and_no_query(evaluation: Evaluation) -> None:
    assert json.loads(json.dumps(evaluation.as_json())) == {
        "protocol": "emoji",
        "definition": "Each image searched with the others",
        "metrics": {"recall@1": 0.75, "median_rank": 1.5},
        "queries": 4,
        "gallery": 5,
        "queries_without_positives": 1,
        "options": {"metric": "cosine"},
    }


def test_results_are_shown_and_compared_without_their_queries(evaluation: Evaluation) -> None:
    assert not {"per_query", "query_items", "resampled"} & {
        part.split("=")[0] for part in repr(evaluation)[11:-1].split(", ")
    }
    again = Evaluation(
        "emoji",
        "Each image searched with the others",
        {"recall@1": 0.75, "median_rank": 1.5},
        queries=4,
        gallery=5,
        skipped=1,
        options={"metric": "cosine"},
        query_items=(0, 1, 2, 3, 4),
    )
    assert evaluation == again
