"""A run's card and results in huggingface_hub's own hands, without a word of warning."""

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard, parse_eval_result_entries

from tests.hub.test_push import RESULTS
from tests.hub.test_push import run as run
from zoo.hub.push import eval_results
from zoo.hub.run_card import run_card
from zoo.runs.reading import read_run


def test_a_runs_card_and_numbers_are_read(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    card: Any = ModelCard(run_card(read_run(run), "tiny", repo="me/tiny"))
    found = {r.metric_type: r.metric_value for r in card.data.eval_results}
    assert all(isinstance(result, EvalResult) for result in card.data.eval_results)
    assert found == RESULTS["metrics"]
    entries = parse_eval_result_entries(yaml.safe_load(eval_results(read_run(run))))
    assert {entry.task_id: entry.value for entry in entries} == RESULTS["metrics"]
    assert not caplog.records


def test_every_card_of_the_shelf_is_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    folder = Path(__file__).parents[2] / "model_cards"
    names = [path.stem for path in sorted(folder.glob("*.md")) if ModelCard.load(path).data]
    assert len(names) > 100
    assert not caplog.records
