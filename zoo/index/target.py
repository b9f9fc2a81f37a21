"""What a person asks of an index: recall, memory, speed."""

import re
from dataclasses import dataclass

from zoo.errors import UsageError


@dataclass(frozen=True)
class Target:
    """What the user asks for; None means no matter.

    recall: share of the k true neighbours found. latency_ms: of one query alone.
    """

    recall: float | None = None
    memory_bytes: int | None = None
    latency_ms: float | None = None
    k: int = 10


def parse_bytes(text: str) -> int:
    """Read a size such as `2GB`, `512 MiB` or `1000000`.

    Raises:
        UsageError: it is none.

    >>> parse_bytes("1.5kB"), parse_bytes("2 GiB")
    (1500, 2147483648)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not found:
        raise UsageError(f"size {text!r} is none", "write for example 2GB or 512MiB")
    unit = 1024 if found[3] else 1000
    return int(float(found[1]) * unit ** " kmgt".index(found[2] or " "))
