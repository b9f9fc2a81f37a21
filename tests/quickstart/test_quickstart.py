"""The quickstart is the real path: measure, train, measure again, index, search, report."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import main
from zoo.data.dataset import ImageDataset, Item, read_dataset
from zoo.quickstart import free_folder
from zoo.quickstart.examples import draw_queries

ROOT = Path(__file__).parents[2]


def rankzoo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_second_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    wanted = tmp_path / "quickstart"
    assert free_folder(wanted) == wanted
    wanted.mkdir()
    (tmp_path / "quickstart-2").mkdir()
    assert free_folder(wanted) == tmp_path / "quickstart-3"


def test_the_imaged_queries_are_drawn_by_the_seed_from_different_classes() -> None:
    items = tuple(
        Item(Path(f"{label}-{n}.png"), (label,), "query")
        for label in "abcdefghijkl"
        for n in (1, 2)
    )
    dataset = ImageDataset("toy", Path(), items, ("label",))
    drawn = draw_queries(dataset, seed=1)
    assert drawn == draw_queries(dataset, seed=1) != draw_queries(dataset, seed=2)
    assert len({item.labels[0] for item in drawn}) == len(drawn) == 8


def test_a_folder_that_holds_something_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    monkeypatch.setattr(sys, "argv", ["rankzoo", "quickstart", "--out", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "already exists" in json.loads(capsys.readouterr().out)["error"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_a_short_quickstart_learns_and_reports(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = rankzoo(
        "quickstart", "--out", str(out), "--steps", "15", "--seed", "3", "--device", "cpu", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seed"] == 3
    assert found["seconds"] > 0
    assert found["after"]["recall_at_1"] > found["before"]["recall_at_1"] + 0.05
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert f"{found['after']['recall_at_1']:.4f}" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    check_emoji(out / "data")
    query = next((out / "data" / "twemoji").iterdir())
    searched = rankzoo("search", str(out / "index"), str(query), "--json", "-k", "3")
    hits = json.loads(searched.stdout)["results"][0]["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert hits[0]["score"] >= hits[1]["score"] >= hits[2]["score"]


def check_emoji(folder: Path) -> None:
    """The whole set was drawn, and every image is whole."""
    read = read_dataset(folder)  # checks every image
    assert (len(read), [len(names) for names in read.label_names]) == (7888, [1916, 99, 9])
    assert len(list(folder.rglob("*.png"))) == len(read)
    read.split("train").require_classes()
    asked, answers = read.split("query"), read.split("gallery")
    assert set(asked.label_ids[:, 0].tolist()) == set(answers.label_ids[:, 0].tolist())
