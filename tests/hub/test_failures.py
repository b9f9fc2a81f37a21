from email.utils import formatdate

import pytest

from zoo.hub.failures import retry_after_s

NOON = 1_800_000_000.0


def test_seconds_are_taken_as_they_are() -> None:
    assert retry_after_s({"retry-after": " 12 "}) == 12.0


@pytest.mark.parametrize("skew_s", [0.0, 3600.0, -86400.0])
def test_a_date_is_read_by_the_servers_clock_whatever_ours_says(skew_s: float) -> None:
    headers = {
        "Date": formatdate(NOON, usegmt=True),
        "Retry-After": formatdate(NOON + 30, usegmt=True),
    }
    assert retry_after_s(headers, now=NOON + skew_s) == 30.0


def test_without_the_servers_date_ours_must_do_and_the_past_means_now() -> None:
    later = {"Retry-After": formatdate(NOON + 30, usegmt=True)}
    assert retry_after_s(later, now=NOON) == 30.0
    assert retry_after_s(later, now=NOON + 99) == 0.0


@pytest.mark.parametrize("value", ["", "soon", "-3", "1.5.2"])
def test_nonsense_is_no_answer(value: str) -> None:
    assert retry_after_s({"Retry-After": value}) is None
