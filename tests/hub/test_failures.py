"""What the Hub's client raises is told in one line with a way out, and retried where that helps."""

import errno
from email.utils import formatdate

import httpx2
import pytest
from huggingface_hub import errors

from zoo.errors import IntegrityError, RankzooError, UnavailableError, UsageError
from zoo.hub.failures import explain, is_transient, retry_after_s, told, wait_asked_for

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


def answered(kind: type[errors.HfHubHTTPError], status: int, **headers: str) -> Exception:
    """What the client raises after an answer."""
    request = httpx2.Request("GET", "http://hub")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return kind("said", response=httpx2.Response(status, headers=named, request=request))


def caused(by: Exception) -> Exception:
    error = ValueError("an outer one")
    error.__cause__ = by
    return error


HTTP = errors.HfHubHTTPError
TOLD: dict[str, tuple[Exception, type[RankzooError], str, str]] = {
    "gated": (
        answered(errors.GatedRepoError, 403),
        *(UnavailableError, "gated, access has to be granted", "accept its terms"),
    ),
    "revision": (
        answered(errors.RevisionNotFoundError, 404),
        *(UnavailableError, "no such revision", "branch, tag or commit"),
    ),
    "repository": (
        answered(errors.RepositoryNotFoundError, 401),
        *(UnavailableError, "no such repository", "needs HF_TOKEN"),
    ),
    "entry": (
        answered(errors.RemoteEntryNotFoundError, 404),
        *(UnavailableError, "listed and not there", "try again"),
    ),
    "offline": (
        errors.OfflineModeIsEnabled("said"),
        *(UnavailableError, "offline, and not in the cache", "HF_HUB_OFFLINE"),
    ),
    "name": (errors.HFValidationError("said"), UsageError, "not a name", "owner/name"),
    "rate": (
        answered(HTTP, 429, Retry_After="7"),
        *(UnavailableError, "rate limited (429)", "try again in 7 s"),
    ),
    "rate, no wait": (
        answered(HTTP, 429),
        *(UnavailableError, "rate limited (429)", "try again later"),
    ),
    "401": (answered(HTTP, 401), UnavailableError, "access denied (401)", "check HF_TOKEN"),
    "403": (answered(HTTP, 403), UnavailableError, "access denied (403)", "check HF_TOKEN"),
    "500": (answered(HTTP, 500), UnavailableError, "the Hub answers 500", "rankzoo list --ready"),
    "short": (
        OSError("Consistency check failed: file should be of size 9"),
        *(IntegrityError, "the transfer ended early", "try again"),
    ),
    "space": (
        OSError(errno.ENOSPC, "full"),
        *(UnavailableError, "no space left", "HF_HOME"),
    ),
    "denied": (
        OSError(errno.EACCES, "denied", "/cache"),
        *(UnavailableError, "/cache cannot be written", "HF_HOME"),
    ),
    "denied somewhere": (
        OSError(errno.EROFS, "read-only"),
        *(UnavailableError, "the cache cannot be written", "HF_HOME"),
    ),
    "nonsense": (
        KeyError("sha"),
        *(IntegrityError, "not an answer of the Hub (KeyError: 'sha')", "HF_ENDPOINT"),
    ),
    "silence": (
        httpx2.ConnectError("refused"),
        *(UnavailableError, "no answer from the Hub (refused)", "rankzoo list --ready"),
    ),
    "no words": (OSError(), UnavailableError, "no answer from the Hub (OSError)", "network"),
}


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", [name for name in TOLD if name != "nonsense"])
def test_each_failure_says_what_is_wrong_and_what_to_do(name: str, deep: bool) -> None:
    error, kind, said, hint = TOLD[name]
    if deep and name == "no words":
        said = "no answer from the Hub (ValueError)"
    with pytest.raises(kind) as caught, told("me/photos"):
        raise caused(error) if deep else error
    assert type(caught.value) is kind
    assert str(caught.value).startswith("me/photos: ")
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_an_answer_of_other_types_is_no_answer() -> None:
    error, kind, said, hint = TOLD["nonsense"]
    found = explain(error, "me/photos")
    assert type(found) is kind
    assert (said in str(found), hint in found.hint) == (True, True)


def test_an_error_of_ours_is_left_as_it_is() -> None:
    own = UsageError("ours", "a hint")
    with pytest.raises(UsageError) as caught, told("me/photos"):
        raise own
    assert caught.value is own


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("error", "again"),
    [
        *((answered(HTTP, status), True) for status in (408, 429, 500, 502, 503, 504)),
        *((answered(HTTP, status), False) for status in (400, 401, 403, 404, 501)),
        (httpx2.ReadTimeout("late"), True),
        (OSError("Consistency check failed"), True),
        (OSError(errno.ENOSPC, "full"), False),
    ],
)
def test_what_may_go_away_by_itself_is_asked_again(
    error: Exception, again: bool, deep: bool
) -> None:
    assert is_transient(caused(error) if deep else error) == again


def test_the_wait_that_is_asked_for_is_found_behind_an_error() -> None:
    assert wait_asked_for(caused(answered(HTTP, 503, Retry_After="12"))) == 12
    assert wait_asked_for(answered(HTTP, 503)) is None
    assert wait_asked_for(ValueError("nothing")) is None
