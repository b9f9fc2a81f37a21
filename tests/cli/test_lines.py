"""Without a terminal, progress is a line now and then, and nothing in between."""

from collections.abc import Iterator

import pytest
from rich.table import Table

from cli.lines import by_lines, progress_line
from cli.output import Output, Prose, titled


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that every look moves on by its second entry, in seconds."""
    moves = [0.0, 1.0]

    def look() -> float:
        moves[0] += moves[1]
        return moves[0]

    monkeypatch.setattr("cli.lines.time.monotonic", look)
    return moves


def test_a_line_appears_every_half_minute(clock: list[float]) -> None:
    said: list[str] = []
    assert list(by_lines(range(100), "train own", 100, said.append)) == list(range(100))
    assert said == [
        "train own: 29 of 100 (29 %), 0.97/s, 73 s left",
        "train own: 59 of 100 (59 %), 0.98/s, 42 s left",
        "train own: 89 of 100 (89 %), 0.99/s, 11 s left",
    ]


def test_long_work_says_every_hundredth(clock: list[float]) -> None:
    clock[1] = 10.0
    said: list[str] = []
    list(by_lines(range(1000), "train own", 1000, said.append))
    assert len(said) == 99
    assert said[0].startswith("train own: 10 of 1000 (1 %)")


def test_short_work_says_nothing(clock: list[float]) -> None:
    said: list[str] = []
    list(by_lines(range(20), "features", None, said.append))
    assert said == []


def test_without_a_total_there_is_no_time_left() -> None:
    assert progress_line("features", 50, None, 100.0) == "features: 50, 0.50/s"
    assert progress_line("train", 50, 36_050, 100.0).endswith("0.50/s, 20.0 h left")


def test_a_path_in_a_table_stays_whole_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "photos/" + 60 * "long/" + "red.png"
    table = Table("rank", "path")
    table.add_row("1", path)
    monkeypatch.delenv("COLUMNS", raising=False)
    Output().result({}, lambda: table)
    assert path in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    Output().result({}, lambda: table)
    assert max(map(len, capsys.readouterr().out.splitlines())) == 60


def test_prose_is_set_for_a_terminal_and_stays_as_it_was_written_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# A title\n\nA *word*, and " + 60 * "many " + "more.\n"
    monkeypatch.delenv("COLUMNS", raising=False)
    Output().result({}, lambda: Prose(text))
    assert capsys.readouterr().out == text + "\n"
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "60")
    Output().result({}, lambda: Prose(text))
    seen = capsys.readouterr().out
    assert "*word*" not in seen
    assert "word" in seen


@pytest.mark.parametrize("columns", [None, "80"])
def test_no_line_of_a_table_in_a_pipe_ends_in_spaces(
    columns: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    table = Table("rank", "path", box=None)
    for name in ("short.png", "photos/longer.png"):
        table.add_row("1", name)
    Output().result({}, lambda: table)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [["1", "short.png"], ["1", "photos/longer.png"]]
    assert lines == [line.rstrip() for line in lines]


def test_a_title_is_not_folded_to_the_width_of_its_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table("n", box=None)
    table.add_row("1")
    monkeypatch.setenv("COLUMNS", "80")
    Output().result({}, lambda: titled("class folders: 10 of label", table, "left out: 0 of 86"))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["class folders: 10 of label", "n", "1", "left out: 0 of 86"]


def test_a_pipe_sees_the_loss_and_a_quiet_run_nothing(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    def steps(output: Output) -> Iterator[int]:
        for step in output.track(range(70), "train own", 70):
            output.note({"step": step, "loss": 0.25})
            yield step

    assert len(list(steps(Output(json=True)))) == 70
    seen = capsys.readouterr()
    assert seen.out == ""
    assert len(seen.err.splitlines()) == 2
    assert seen.err.splitlines()[0].endswith("left, loss 0.25")
    list(steps(Output(quiet=True)))
    assert capsys.readouterr().err == ""
