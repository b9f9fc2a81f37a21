"""Scales as they are written on the command line."""

import pytest

from zoo.embedding.sizes import parse_scales
from zoo.errors import UsageError


def test_scales_are_read_in_order() -> None:
    assert parse_scales("1,0.7071,0.5") == (1.0, 0.7071, 0.5)


@pytest.mark.parametrize("text", ["0", "nan", "-1", "1,9", "", "a"])
def test_scales_that_make_no_image_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--scales"):
        parse_scales(text)
