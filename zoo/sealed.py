"""Records that carry the sha256 of their own content, so that no changed bit goes unseen."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.files import write_json
from zoo.typed import DAMAGED, Blame, read_object

SEAL = "seal"


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its seal, atomically."""
    write_json(path, {**value, SEAL: _seal_of(value)})


def read_sealed(path: Path, blame: Blame = DAMAGED) -> dict[str, Any]:
    """Return a JSON object without its seal; one written before there were seals has none.

    Raises:
        RankzooError: of `blame`: no JSON object, or not the one that was sealed.
    """
    value = read_object(path, blame)
    seal = value.pop(SEAL, None)
    if seal is not None and seal != _seal_of(value):
        raise blame.of(path, "its content is not what was written")
    return value


def _seal_of(value: Mapping[str, Any]) -> str:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
