"""What the Hub needs to know of a folder: what it holds, since when, and which files go there."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zoo.runs.reading import read_run, shared_files

EARLIER = Path(__file__).parent / "earlier"
ARCHITECTURES = {
    "embedder": "tf_efficientnet_lite0",
    "captions": "tf_efficientnet_lite0",
    "scorer": "tf_efficientnet_lite0",
    "sorter": "grus",
}
DAY = 24 * 3600.0


def folder_of(kind: str, out: Path) -> Path:
    """Return a copy of an old run with weights, which came on the second day of 1970."""
    shutil.copytree(EARLIER / kind, out)
    save_file({"weight": torch.zeros(1)}, out / "model.safetensors")
    os.utime(out / "model.safetensors", (DAY, DAY))
    return out


@pytest.mark.filterwarnings("ignore")  # what was written then has no seals, and that is said
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_run_names_what_its_weights_are_weights_of(kind: str, tmp_path: Path) -> None:
    run = read_run(folder_of(kind, tmp_path / "run"))
    assert run.architecture == ARCHITECTURES[kind]
    assert [file.name for file in run.files] == ["config.json", "model.safetensors"]


def test_two_towers_are_named_by_their_kind(tmp_path: Path) -> None:
    folder = folder_of("embedder", tmp_path / "run")
    (folder / "config.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    assert read_run(folder).architecture == "clip"


def test_a_run_is_of_the_day_of_its_results_and_a_model_of_that_of_its_weights(
    tmp_path: Path,
) -> None:
    folder = folder_of("embedder", tmp_path / "run")
    os.utime(folder / "results.json", (3 * DAY, 3 * DAY))
    assert read_run(folder).date == "1970-01-04"
    (folder / "results.json").unlink()
    run = read_run(folder)
    assert (run.date, run.results) == ("1970-01-02", {})


def test_weights_and_records_go_to_the_hub_and_checkpoints_stay(tmp_path: Path) -> None:
    folder = folder_of("embedder", tmp_path / "run")
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "state.json").write_text("{}", encoding="utf-8")
    (folder / "checkpoint.pt").write_bytes(b"")
    (folder / "vocab.txt").write_text("a", encoding="utf-8")
    found = [str(path.relative_to(folder)) for path in shared_files(read_run(folder))]
    assert found == [
        *("config.json", "metrics.jsonl", "model.safetensors", "recipe.json", "results.json"),
        "vocab.txt",
    ]
