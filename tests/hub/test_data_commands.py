"""Commands read a set of the Hub by its name: real `datasets`, a Hub of this machine."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tests.hub.trees import put, trees

pytest.importorskip("datasets")
Run = Callable[..., dict[str, Any]]
SET = "hf:me/trees"


@pytest.fixture
def commit(data_hub: Any) -> str:
    """Eight images of four trees, on a branch."""
    return put(data_hub, train=trees(10, labels=(0, 0, 1, 1, 2, 2, 3, 3)))


@pytest.fixture
def run(
    commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["rankzoo", *map(str, words), "--json"])
        with pytest.raises(SystemExit) as ending:
            main()
        value: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert not ending.value.code, value
        return value

    return call


def test_data_is_looked_at_and_split(run: Run, tmp_path: Path) -> None:
    found = run("data", "check", SET)
    assert found["layout"] == "manifest (.jsonl)"
    assert [(s["images"], s["classes"]) for s in found["splits"]] == [(8, 4)]
    done = run("data", "split", SET, "--by", "item", "--test", 0.5, "--out", "trees.csv")
    assert done["images"] == {"test": 4, "train": 4}
    again = run("data", "check", tmp_path / "trees.csv")
    assert sum(s["images"] for s in again["splits"]) == 8


def test_a_model_is_measured_and_whitened_on_sets(run: Run, model: Path, commit: str) -> None:
    found = run("eval", model, "--data", SET, "--whiten-on", SET, "--save")
    assert found["queries"] == 2  # of one class of four; whitening learns on the others
    assert "learned on 6 images" in found["options"]["whitening"]
    assert commit in (model / "results.json").read_text()  # the command names what was measured


def test_an_index_is_built_and_added_to(run: Run, model: Path) -> None:
    built = run("index", "build", "--model", model, "--images", f"{SET}?rows=3", "--out", "idx")
    assert built["count"] == 3
    added = run("index", "add", "idx", "--model", model, "--images", SET)
    assert added["count"] == 11  # other folders hold other images


def test_shards_are_embedded(run: Run, model: Path) -> None:
    done = run("embed", "--model", model, "--images", SET, "--out", "shards", "--shards", 2)
    assert done["shards"] == 2


def test_a_comparison_and_an_export_read_them_too(run: Run, model: Path) -> None:
    words = ["--data", SET, "--backbone", model, "--losses", "contrastive", "--dry-run"]
    cost = run("compare", *words, "--set", "schedule.steps=1")
    assert cost
    done = run("export", model, "--out", "exported", "--format", "torch-export", "--data", SET)
    assert done
