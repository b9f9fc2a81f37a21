"""Reading JSON and YAML that anybody may have written: bounded, then parsed, then typed.

Every file of plain values that this product reads comes through here, so that whatever is wrong
with one is a line naming file and place. msgspec does the typing, since it reads frozen dataclasses
as they are and starts faster than pydantic (.20 s against .57 s, a busy 2-core CPU).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from zoo.errors import DataError, IntegrityError, RankzooError

T = TypeVar("T")
LARGEST = 64 * 2**20  # bytes; the manifest of 10,000 segments has 8 MB, 500,000 metric rows 60 MB
DEEPEST = 64  # our own files nest 8 deep, 64 are parsed without a thought
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_LONGEST_NUMBER = 19  # digits of 2**63 - 1


@dataclass(frozen=True)
class Blame:
    """What is raised for a bad file: the class decides the exit code, the hint what to do."""

    error: type[RankzooError] = IntegrityError
    hint: str = ""

    def of(self, where: object, why: str) -> RankzooError:
        """Return the error for what is wrong with `where`."""
        return self.error(f"{where}: {why}", self.hint)


DAMAGED = Blame()
MALFORMED = Blame(DataError)


def read_bytes(path: Path, blame: Blame = DAMAGED, largest: int = LARGEST) -> bytes:
    """Return a regular file's content; raises as `read_json` does."""
    if path.exists() and not path.is_file():
        raise blame.of(path, "not a regular file")
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise blame.of(path, f"more than {largest / 2**20:g} MB")
    return content


def read_text(path: Path, blame: Blame = DAMAGED, largest: int = LARGEST) -> str:
    """Return a regular UTF-8 file's text; raises as `read_json` does."""
    try:
        return read_bytes(path, blame, largest).decode()
    except UnicodeDecodeError as error:
        raise blame.of(path, f"byte {error.start} is not UTF-8") from error


def read_json(path: Path, blame: Blame = DAMAGED, largest: int = LARGEST) -> Any:
    """Return the plain values of a JSON file.

    Raises:
        RankzooError: of `blame`: no regular file, too large or deep, or no JSON.
        OSError: it is missing, or may not be read.
    """
    return parse_json(read_bytes(path, blame, largest), path, blame)


def read_object(path: Path, blame: Blame = DAMAGED) -> dict[str, Any]:
    """Return the keys of a JSON file that holds an object; raises as `read_json` does."""
    return as_object(read_json(path, blame), path, blame)


def parse_json(text: str | bytes, where: object, blame: Blame = DAMAGED) -> Any:
    """Return the plain values of JSON text: no key twice, no number beyond 64 bits, no null byte.

    Raises:
        RankzooError: of `blame`, naming `where`.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        _refuse_depth(decoded)
        value = json.loads(decoded, object_pairs_hook=_without_doubles, parse_int=_integer)
        if "\\u" in decoded:  # half a surrogate pair, or a null byte, ends every later encoding
            _refuse_unwritable(value)
    except (ValueError, RecursionError) as error:
        raise blame.of(where, f"not JSON ({one_line(error)})") from error
    return value


def parse_yaml(text: str, where: object, blame: Blame = MALFORMED) -> Any:
    """Return the plain values of YAML text, which may not refer to itself.

    Raises:
        RankzooError: of `blame`, naming `where`.
    """
    import yaml  # slow to import, and the cards were parsed before

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if len(text) > LARGEST:
            raise ValueError(f"more than {LARGEST} characters")
        _refuse_tangle(yaml.parse(text, Loader=loader))
        return yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise blame.of(where, f"not YAML ({one_line(error)})") from error


def plain(value: Any) -> Any:
    """Return our own values as a JSON file would give them back: tuples as lists, keys as text."""
    return json.loads(json.dumps(value))


def as_object(value: Any, where: object, blame: Blame = DAMAGED) -> dict[str, Any]:
    """Return `value` if it is an object with keys; raises the error of `blame` otherwise."""
    if not isinstance(value, dict):
        raise blame.of(where, "not an object of keys and values")
    return value


def typed(
    kind: type[T], value: Any, where: object, blame: Blame = DAMAGED, *, foreign: bool = False
) -> T:
    """Return plain values as a (nested, frozen) dataclass: every key known, every type right.

    What is `foreign` may have more keys than we know.

    Raises:
        RankzooError: of `blame`, naming `where` and the key.
    """
    try:
        made = msgspec.convert(value, kind, strict=True)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise blame.of(where, one_line(error)) from error
    if not foreign and (unknown := _unknown_key(value, made, "$")):
        raise blame.of(where, f"unknown key {unknown}")
    return made


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST or len(text) > LARGEST:
        return  # annotations of 450 MB would take longer to scan than to parse; json stops at 1000
    depth = 0
    for found in _NESTING.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} deep")


def _refuse_tangle(events: Iterable[Any]) -> None:
    from yaml import AliasEvent, CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in events:
        if isinstance(event, AliasEvent):  # nine lines of them can stand for 1e9 values
            raise ValueError(f"an alias, *{event.anchor}")
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} deep")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} twice")
    return found


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _refuse_unwritable(value: Any) -> None:
    if "\\u0000" in json.dumps(value, ensure_ascii=False).encode().decode():
        raise ValueError("a null character")


def _unknown_key(value: Any, made: Any, at: str) -> str:
    """Return the first key of `value` that was not taken into `made`, or nothing."""
    if is_dataclass(made) and isinstance(value, Mapping):
        names = {entry.name for entry in fields(made)}
        if unknown := [key for key in value if key not in names]:
            return f"{at}.{unknown[0]}"
        pairs = [(value[key], getattr(made, key), key) for key in value]
    elif isinstance(made, Mapping) and isinstance(value, Mapping):
        pairs = [(value[key], made[key], str(key)) for key in value]
    elif isinstance(made, list | tuple):
        pairs = [(one, two, str(n)) for n, (one, two) in enumerate(zip(value, made, strict=True))]
    else:
        return ""
    return next((found for a, b, k in pairs if (found := _unknown_key(a, b, f"{at}.{k}"))), "")


def one_line(error: Exception) -> str:
    """Return what an error says in one short line, or its kind where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__
