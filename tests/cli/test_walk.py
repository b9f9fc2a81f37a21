"""Every command and every option runs on real data, and prints what its schema says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_origin

import msgspec
import pytest
from rich.align import Align
from rich.rule import Rule

from cli.commands import CommandGroup
from tests.cli.schemas import SCHEMAS
from tests.cli.walk import LONG, STEPS, Step, at_two_widths, rankzoo, steps, walk

ROOT = Path(__file__).parents[2]
FREE = {"--json", "--quiet", "--help"}
OTHERWISE = ("--task", "--detector", "--dry-run", "--show-config")  # prints something else


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every command, and of each spelling of its options the first."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            options = [p for p in command.params if p.param_type_name == "option"]
            known = {spelling: option.opts[0] for option in options for spelling in option.opts}
            yield " ".join((*path, name)), known


OPTIONS = dict(commands(CommandGroup(name="rankzoo")))


def command_of(words: list[str]) -> str:
    two = " ".join(words[:2])
    return two if two in OPTIONS else words[0]


def printed(words: list[str]) -> str:
    """The name of the schema of what is printed."""
    other = [option for option in OTHERWISE if option in words]
    return " ".join(
        [command_of(words), *(other if "--dry-run" in words or "--show-config" in words else [])]
    )


def problem(words: list[str], code: int, value: dict[str, Any]) -> str:
    """What is wrong with what a step ended with, or nothing."""
    if code:
        return f"ended with {code}: {value['error']}"
    try:
        msgspec.convert(value, SCHEMAS[printed(words)])
    except (msgspec.ValidationError, KeyError) as error:
        return str(error)
    return ""


def padded(step: Step) -> str:
    """What is wrong with what a pipe gets: a pipe has no width to fill."""
    if not step.pipes:
        return "shows a person nothing"
    for text, wider in step.pipes:
        if text != wider:
            return "fills the width it is given"
        if any(line.endswith(" ") for line in text.split("\n")):
            return "ends a line in spaces"
    return ""


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return walk(tmp_path_factory.mktemp("walk"))


def test_every_step_prints_what_its_schema_says(walked: list[Step]) -> None:
    found = {" ".join(s.words): problem(s.words, s.code, s.value) for s in walked}
    assert {step: what for step, what in found.items() if what} == {}


def test_what_a_person_reads_in_a_pipe_is_padded_nowhere(walked: list[Step]) -> None:
    found = {" ".join(step.words): padded(step) for step in walked}
    assert {step: what for step, what in found.items() if what} == {}


def test_a_line_that_fills_the_width_or_shows_nothing_is_a_problem() -> None:
    assert padded(Step([], 0, {}, [("a\nb", "a\nb")])) == ""
    assert padded(Step([], 0, {}, [at_two_widths(Align("a", "center"))])).startswith("fills")
    assert padded(Step([], 0, {}, [at_two_widths(Rule())])).startswith("fills")
    assert padded(Step([], 0, {}, [("a \nb", "a \nb")])).startswith("ends")
    assert padded(Step([], 0, {}, [])).startswith("shows")


def test_a_key_too_many_too_few_or_of_another_type_is_a_problem() -> None:
    whole = {"schema_version": 1, "removed": 1, "count": 2}
    words = ["index", "remove", "idx"]
    assert problem(words, 0, whole) == ""
    assert "missing" in problem(words, 0, {"schema_version": 1, "removed": 1})
    assert "unknown" in problem(words, 0, {**whole, "left": 1})
    assert "Expected `int`" in problem(words, 0, {**whole, "count": "2"})
    assert "ended with 4" in problem(words, 4, {"error": "no such index"})


@pytest.mark.long  # they start processes and compile, minutes
def test_every_dear_step_prints_what_its_schema_says(tmp_path: Path) -> None:
    for step in walk(tmp_path, LONG):
        assert problem(step.words, step.code, step.value) == "", step.words
        assert padded(step) == "", step.words


@pytest.mark.parametrize("file", [STEPS, LONG])
def test_every_step_has_a_schema(file: Path) -> None:
    assert {printed(words) for words in steps(file)} <= SCHEMAS.keys()


def needs(file: str, *options: str) -> dict[str, str]:
    """Options that a test in another file types, since they need what is there."""
    return dict.fromkeys(options, file)


RAY = needs("a Ray cluster", "--engine", "--address", "--cpus", "--gpus")
LANDMARKS = needs("Oxford's or Paris' images", "--distractors", "--query-image")
# What the walk does not type, and the file that does, or what is missing on a machine of CI.
ELSEWHERE: dict[str, dict[str, str]] = {
    "bench sorters": needs("a trained sorter", "--sorter"),
    "bench spread": needs(
        "a Ray cluster",
        *("--count", "--dim", "--images", "--kind", "--probes", "--repeats", "--seed", "--workers"),
    ),
    "compare": RAY,
    "detect": {
        **needs(
            "tests/detection/test_training.py",
            *("--device", "--offline", "--on-bad-image", "--out", "--threshold"),
        ),
        **needs("tests/detection/test_detect.py", "--every"),
    },
    "download": needs("tests/hub/test_cli.py", "--refresh", "--revision"),
    "embed": RAY,
    "eval": {**LANDMARKS, **needs("tests/evaluation/test_measure.py", "--text-model")},
    "index assemble": RAY,
    "index build": RAY,
    "quickstart": needs(
        "tests/quickstart/test_quickstart.py", "--device", "--out", "--seed", "--steps"
    ),
    "serve": {
        **RAY,
        **needs("a detector beside an index", "--detector"),
        **needs(
            "tests/serve/test_run.py",
            *("--batch-size", "--device", "--host", "--host-name", "--max-k", "--max-megapixels"),
            *("--max-upload-mb", "--model", "--offline", "--pictures", "--port", "--rate"),
            *("--replicas", "--shards", "--timeout", "--token-file"),
        ),
    },
    "train": {**RAY, "--processes": "a Ray cluster"},
}


def typed(file: Path) -> set[tuple[str, str]]:
    """The options that the steps of a file type, with their commands."""
    return {
        (command, OPTIONS[command][word])
        for words in steps(file)
        for command in [command_of(words)]
        for word in words
        if word in OPTIONS[command]
    }


def test_every_option_of_every_command_is_typed_in_the_walk_or_where_it_can_be() -> None:
    everything = {(name, option) for name in OPTIONS for option in OPTIONS[name].values()}
    elsewhere = {(name, option) for name in ELSEWHERE for option in ELSEWHERE[name]}
    walked = typed(STEPS) | typed(LONG)
    free = {pair for pair in everything if pair[1] in FREE}
    assert everything - free == walked | elsewhere
    assert not walked & elsewhere


def test_the_files_that_type_the_others_do() -> None:
    for command, options in ELSEWHERE.items():
        for option, file in options.items():
            if file.startswith("tests/"):
                text = (ROOT / file).read_text(encoding="utf-8")
                assert f'"{option}"' in text, f"{file} does not type {command} {option}"


def strict_options(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[list[str], str]]:
    """Yield every option that takes a number or one of several words, with its command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from strict_options(command, (*path, name))
            continue
        for option in command.params:
            if option.param_type_name == "option" and not option.is_flag:
                kind = option.type_descriptor.annotation
                if kind in (int, float) or get_origin(kind) is Literal:
                    yield [*path, name], option.opts[0]


def test_a_value_that_an_option_cannot_take_is_one_line_that_names_it() -> None:
    found = list(strict_options(CommandGroup(name="rankzoo")))
    assert len(found) > 100
    for command, option in found:
        code, value = rankzoo(*command, option, "perhaps")
        assert code == value["code"] == 2, (command, option)
        assert option in value["error"], (command, option)
        assert "\n" not in value["error"]
        assert " ".join(command) in value["hint"]
