"""Foreign text (labels, captions, file names, errors that quote them) made harmless to a terminal.

What a terminal would obey is shown as a sign of one column: ESC as its picture U+241B, so that
tables keep their shape.
"""

import re
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

# C0 and DEL, C1 (0x9b alone begins a command), marks that turn the direction of what follows, and
# halves of surrogate pairs: how Python spells the bytes of a file name that is not UTF-8.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NEW_LINE = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")


def shown(text: str) -> str:
    """Return `text` with every sign that a terminal obeys as a picture; new lines are kept.

    >>> shown("a" + chr(27) + "[2J")
    'a␛[2J'
    """
    lines = text.split("\n")
    return "\n".join(_OBEYED.sub(lambda found: _picture(found[0]), line) for line in lines)


def on_one_line(text: str) -> str:
    """Return `text` as `shown` does, its new lines as spaces."""
    return shown(_NEW_LINE.sub(" ", text))


def in_json(text: str) -> str:
    """Return JSON text whose strings hold the same, spelled so that a terminal obeys nothing."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Foreign:
    """A renderable whose every text is `shown`; its styles are our own and stay."""

    def __init__(self, inner: RenderableType) -> None:
        self.inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render what is inside, and clean what comes out."""
        return self._clean(console, options)

    def _clean(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self.inner, options):
            yield Segment(text if control else shown(text), style, control)


def _picture(sign: str) -> str:
    code = ord(sign)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
