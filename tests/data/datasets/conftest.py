"""Files of a public layout, written by the test that reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest

Lay = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Write texts at paths below a root, and empty files for images; return the root."""

    def write(texts: dict[str, str], images: list[str]) -> Path:
        root = tmp_path / "root"
        for name, text in {**texts, **dict.fromkeys(images, "")}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return write
