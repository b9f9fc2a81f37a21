"""No option is dropped: every option of every command that looks at a task, with every task."""

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import PIL.Image
import pytest
from typer.testing import CliRunner

from cli.commands import CommandGroup
from cli.main import app
from tests.cli.walk import rankzoo
from zoo.errors import RankzooError, UsageError
from zoo.files import write_json
from zoo.tasks import TASKS, named, task_of_config

COMMANDS = ("train", "eval", "export", "index build", "card new")
FREE = {"--json", "--quiet", "--help"}
VALUES = {"--protocol": "labels", "--detector": "retinanet", "--runtime": "auto"}
RECIPE = {
    "detector": "scenes-retinanet-r18-ap",
    "sorter": "sorter-grus",
    "scorer": "scenes-bce",
    "embedder": "emoji-recall_at_k",
}


def command_of(words: str) -> Any:
    found: Any = CommandGroup(name="rankzoo")
    for word in words.split():
        found = found.commands[word]
    return found


def options_of(words: str) -> dict[str, Any]:
    found = {p.opts[0]: p for p in command_of(words).params if p.param_type_name == "option"}
    return {name: found[name] for name in found if name not in FREE}


def typed(name: str, option: Any) -> list[str]:
    """An option with a value of its type; most take any word."""
    if name in VALUES:
        return [name, VALUES[name]]
    if option.is_flag:
        return [name]
    kind = option.type_descriptor.annotation
    if get_origin(kind) is Literal:
        return [name, str(get_args(kind)[0])]
    return [name, {int: "64", float: "0.5"}.get(kind, "1")]


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """Return a function that makes a model folder, as far as its task can be told from it."""

    def make(task: str) -> Path:
        write_json(tmp_path / "model/config.json", {TASKS[task].key or "architecture": "x"})
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / "model/a.png")
        return tmp_path / "model"

    return make


def run_with(command: str, task: str, folder: Path, extra: list[str]) -> RankzooError | None:
    """Run a command on a model (or a recipe) of a task; return the error it ends with."""
    data = ["--images" if command == "index build" else "--data", str(folder)]
    words = {
        "train": ["train", RECIPE.get(task, ""), *extra],
        "eval": ["eval", str(folder), *extra, *([] if "--data" in extra else data)],
        "export": ["export", str(folder), *extra],
        "index build": ["index", "build", "--model", str(folder), *data, *extra],
        "card new": ["card", "new", str(folder), *extra],
    }[command]
    if "--out" not in extra and command in ("train", "export", "index build"):
        words += ["--out", str(folder / "out")]
    error = CliRunner().invoke(app, words).exception
    return error if isinstance(error, RankzooError) else None


REFUSED = [
    (command, task.name, option)
    for command in COMMANDS
    for task in TASKS.values()
    if command in task.takes and (command != "train" or task.recipe)
    for option in [*options_of(command), *(["OTHER"] if command == "eval" else [])]
    if option not in task.takes[command]
]


@pytest.mark.parametrize(("command", "task", "option"), REFUSED)
def test_an_option_that_a_task_does_not_take_is_refused_by_name(
    command: str, task: str, option: str, folder: Any
) -> None:
    model = folder(task)
    extra = [str(model)] if option == "OTHER" else typed(option, options_of(command)[option])
    error = run_with(command, task, model, extra)
    assert error is not None
    assert error.code == 2
    assert option in str(error)
    assert task in str(error)


@pytest.mark.parametrize("command", ["eval", "export", "index build", "card new"])
@pytest.mark.parametrize("task", TASKS)
def test_a_command_that_has_nothing_for_a_task_says_so(
    command: str, task: str, folder: Any
) -> None:
    if command in TASKS[task].takes:
        return
    error = run_with(command, task, folder(task), [])
    assert error is not None
    assert error.code == 2
    assert f"{command} takes no {task}" in str(error)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_what_a_task_declares_are_options_of_the_command(command: str, task: Any) -> None:
    declared = task.takes.get(command, frozenset()) - {"OTHER"}
    assert declared <= set(options_of(command))


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_what_a_task_names_can_be_called(task: Any) -> None:
    for place in (task.plan, task.train, task.evaluate, task.load):
        assert not place or callable(named(place))
    assert bool(task.recipe) == bool(task.train) == bool(task.plan) == ("train" in task.takes)
    assert bool(task.evaluate) == ("eval" in task.takes)


def test_every_folder_is_of_one_task() -> None:
    assert [task_of_config({task.key: 1}).name for task in TASKS.values() if task.key] == [
        task.name for task in TASKS.values() if task.key
    ]
    assert task_of_config({"architecture": "resnet18"}).name == "embedder"


@pytest.mark.parametrize("option", ["--model", "--detector"])
def test_a_server_takes_no_sorter(option: str, folder: Any) -> None:
    pytest.importorskip("fastapi")
    done = CliRunner().invoke(app, ["serve", "idx", option, str(folder("sorter"))])
    assert isinstance(done.exception, UsageError)
    assert f"serve {option} takes no sorter" in str(done.exception)


@pytest.mark.parametrize("word", ["yes", "Auto", "true", ""])
@pytest.mark.parametrize("task", RECIPE)
def test_resume_takes_auto_and_no(word: str, task: str) -> None:
    done = CliRunner().invoke(app, ["train", RECIPE[task], "--resume", word, "--dry-run"])
    assert isinstance(done.exception, UsageError)
    assert "--resume" in str(done.exception)
    assert done.exception.hint == "one of no, auto"


def test_a_recipes_card_takes_no_repository() -> None:
    done = CliRunner().invoke(app, ["card", "new", "emoji-sup_hap", "--repo", "me/mine"])
    assert isinstance(done.exception, UsageError)
    assert "takes no --repo" in str(done.exception)


def test_the_settings_that_are_shown_are_those_of_the_task() -> None:
    for task, name in RECIPE.items():
        done = CliRunner().invoke(
            app, ["train", name, "--batch-size", "6", "--show-config", "--json"]
        )
        assert json.loads(done.stdout)["batch"]["size"] == 6, task


@pytest.mark.parametrize("recipe", ["scenes-sodeep", "sorter-cnn"])
def test_what_one_process_trains_is_refused_where_torchrun_started_two(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, said = rankzoo("train", recipe, "--out", str(tmp_path / "run"))
    assert code == 2
    assert "torchrun started 2 processes, and a s" in said["error"]
    assert list(tmp_path.iterdir()) == []
