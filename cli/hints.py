"""Advice that can be taken: flags that the called command has, and that were not given already.

An error is raised far below the commands, and its hint names what helps somewhere: the part of it
that names a flag of other commands only is left out, unless it says of which.
"""

import re
from collections.abc import Mapping
from typing import Any

_PARTS = re.compile(r"(, or |; )")
_FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)(?: ([\w.=-]+))?")
_ELSEWHERE = re.compile(r"rankzoo [a-z]|`|ray start|pip install")


def fitting(hint: str, given: Mapping[str, Any]) -> str:
    """Return what of a hint helps a command with these flags, and the values they have.

    >>> hint = "remove the file, or leave such files out with --on-bad-image skip"
    >>> fitting(hint, {"--out": "x"}), fitting(hint, {"--on-bad-image": "skip"})
    ('remove the file', 'remove the file')
    >>> fitting(hint, {"--on-bad-image": "fail"}) == hint
    True
    """
    pieces = _PARTS.split(hint)
    parts = zip(["", *pieces[1::2]], pieces[::2], strict=True)
    kept = [(mark, part) for mark, part in parts if _helps(part, given)]
    return "".join(mark * (place > 0) + part for place, (mark, part) in enumerate(kept))


def _helps(part: str, given: Mapping[str, Any]) -> bool:
    named = _FLAG.findall(part)
    if not named or _ELSEWHERE.search(part):
        return True
    return any(flag in given and not _has(given[flag], value) for flag, value in named)


def _has(given: Any, value: str) -> bool:
    return value != "" and value in (given if isinstance(given, list | tuple) else [given])


def flags_of(command: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return every flag of a command, by each of its names, with its value."""
    return {
        name: values.get(parameter.name or "")
        for parameter in command.params
        for name in parameter.opts
    }
