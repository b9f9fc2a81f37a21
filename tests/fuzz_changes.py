"""What the fuzz does to a sound input: to its bytes, or to its meaning."""

import contextlib
import copy
import json
import random
import re
from typing import Any

from zoo.files.seals import SEAL, _seal_of

WORDS = (
    "", " ", "nan", "inf", "-1", "0", "1e999", "9" * 40, "null", "true", "../../x", "/etc/passwd",
    "[/b]", "[red]", "\x1b[2J", "\x00", "\ud7ff", "a" * 5000, "'; --", "%s%n", "C:\\x", ";", ",",
    "\"", "{", "é", "\u202e", "&x;", "*a", "!!python/object:os.system", "=1+1", "x\ny",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 2**62, 2**70, 1e308, -0.5, float("nan"), float("inf"), [], {}, [None],
    {"a": 1}, [[[]]], *WORDS,
)  # fmt: skip


def changed_bytes(content: bytes, suffix: str, draw: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat or drop some bytes, once to four times."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(data) + 1)
        length = draw.choice((1, 2, 8, 64))
        match draw.randrange(6):
            case 0 if place < len(data):
                data[place] ^= 1 << draw.randrange(8)
            case 1:
                data[place : place + length] = draw.randbytes(length)
            case 2:
                data[place : place + 8] = b"\xff" * 7 + b"\x7f"
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length] * draw.choice((1, 50))
            case _:
                del data[place:]
    return bytes(data)


def changed_meaning(content: bytes, suffix: str, draw: random.Random) -> bytes:
    """Change values and shape as the format allows; bytes where it is no text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return changed_bytes(content, suffix, draw)
    if suffix == ".json":
        value = json.loads(text)
        for _ in range(draw.randint(1, 3)):
            value = _changed_tree(value, draw)
        return _signed(value).encode(errors="surrogatepass")
    if suffix == ".jsonl":
        rows = text.splitlines()
        number = draw.randrange(len(rows))
        rows[number] = json.dumps(_changed_tree(json.loads(rows[number]), draw))
        return "\n".join(_shuffled(rows, draw)).encode(errors="surrogatepass")
    return _changed_text(text, draw).encode(errors="surrogatepass")


def _changed_tree(value: Any, draw: random.Random) -> Any:
    """Return a copy with one node of it replaced, dropped, repeated or wrapped."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places or draw.random() < 0.03:
        return draw.choice(VALUES)
    parent, key = draw.choice(places)
    match draw.randrange(5):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 1 if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        case 2:
            parent[key] = _wrapped(parent[key], draw)
        case 3 if isinstance(parent, dict):
            parent[draw.choice(WORDS)] = draw.choice(VALUES)
        case _:
            parent[key] = draw.choice(VALUES)
    return value


def _places(value: Any) -> Any:
    """Yield (container, key) of every node below `value`."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _wrapped(value: Any, draw: random.Random) -> Any:
    for _ in range(draw.choice((1, 3, 70, 200))):
        value = [value] if draw.random() < 0.5 else {"a": value}
    return value


def _signed(value: Any) -> str:
    """Return JSON; what carried a seal is sealed again, as by somebody who means harm."""
    if isinstance(value, dict) and SEAL in value:
        bare = {key: one for key, one in value.items() if key != SEAL}
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            value = {**bare, SEAL: _seal_of(bare)}
    return json.dumps(value)


def _changed_text(text: str, draw: random.Random) -> str:
    """Replace a word, or drop, repeat or swap a line."""
    if draw.random() < 0.3:
        return "\n".join(_shuffled(text.splitlines(), draw, always=True))
    words = [found.span() for found in re.finditer(r"[\w.:/-]+|[^\w\s]", text)]
    for start, end in sorted(draw.sample(words, min(len(words), 2)), reverse=True):
        text = text[:start] + draw.choice(WORDS) + text[end:]
    return text


def _shuffled(lines: list[str], draw: random.Random, *, always: bool = False) -> list[str]:
    lines = list(lines)
    if lines and (always or draw.random() < 0.3):
        one, two = draw.randrange(len(lines)), draw.randrange(len(lines))
        match draw.randrange(3):
            case 0:
                del lines[one]
            case 1:
                lines.insert(two, lines[one])
            case _:
                lines[one], lines[two] = lines[two], lines[one]
    return lines
