"""Labels, captions and file names reach a terminal as text, never as markup or as a command."""

import io
import json
import logging
import re

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.foreign import in_json
from cli.output import Output, fail
from zoo.errors import DataError

HOSTILE = {
    "a closing tag": "[/b]",
    "a tag": "[red]x[/red]",
    "a link": "[link=file:///etc/passwd]x[/link]",
    "an emoji's name": ":skull:",
    "clear the screen": "a\x1b[2Jb",
    "set the title": "\x1b]0;title\x07",
    "eight-bit command": "a\x9b2Jb",
    "go back": "safe\rEVIL\x08\x08",
    "turn the direction": "a\u202egnp.exe",
    "a file name that is not UTF-8": "a\udcff.png",
    "delete": "a\x7fb",
}
OBEYED = [*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x202E, 0xDCFF]


def _letters(text: str) -> str:
    """Return the text without what is shown as a picture, or left out by Rich itself."""
    return re.sub("[\u2400-\u2421\ufffd\r\n ]", "", "".join(s for s in text if not _obeys(s)))


def _obeys(text: str) -> bool:
    return any(ord(sign) in OBEYED for sign in text)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_result_shows_foreign_text_as_it_is(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HOSTILE[what]
    table = Table("image", title=text)
    table.add_row(text)
    Output().result({}, lambda: Group(table, Text(text), text))
    printed = capsys.readouterr().out
    assert not _obeys(printed)
    assert _letters(printed).count(_letters(text)) == 4


@pytest.mark.parametrize("what", HOSTILE)
def test_an_error_and_a_log_line_show_foreign_text_as_it_is(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HOSTILE[what]
    output = Output()
    output.log(text)
    logging.getLogger("rankzoo").warning("%s", text)
    fail(DataError(f"{text} is bad", text), as_json=False)
    printed = capsys.readouterr().err
    assert not _obeys(printed)
    assert _letters(printed).count(_letters(text)) == 4


@pytest.mark.parametrize("what", HOSTILE)
def test_json_holds_the_text_whole_and_obeys_nothing(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HOSTILE[what]
    Output(json=True).result({"label": text}, str)
    printed = capsys.readouterr().out
    assert not _obeys(printed)
    assert json.loads(printed)["label"] == text


def test_an_error_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    fail(DataError("a\nb\r\nc\u2028d"), as_json=False)
    assert capsys.readouterr().err == "rankzoo: a b c d\n"


def test_our_own_styles_still_reach_a_terminal() -> None:
    from rich.console import Console

    from cli.foreign import Foreign

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system="standard", markup=False)
    console.print(Foreign(Text("bold\x1b[2J", "bold")))
    assert screen.getvalue() == "\x1b[1mbold␛[2J\x1b[0m\n"


def test_every_sign_but_letters_survives_json() -> None:
    every = "".join(map(chr, range(0x3000)))
    assert json.loads(in_json(json.dumps(every, ensure_ascii=False))) == every
