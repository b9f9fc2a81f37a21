"""What the Hub's client can raise, told as one line and a hint, and what is worth a retry."""

import errno
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import httpx2
from huggingface_hub import errors

from zoo.errors import IntegrityError, RankzooError, UnavailableError, UsageError

RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
OFFLINE = "rankzoo list --ready names what loads without a network"
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR})
_UNREADABLE = (AttributeError, LookupError, TypeError)  # of JSON with other types in it


def client_errors() -> tuple[type[Exception], ...]:
    """Return the families of errors the Hub's client raises."""
    return (OSError, ValueError, RuntimeError, httpx2.HTTPError, *_UNREADABLE)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from, nearest first."""
    while error is not None:
        yield error
        error = error.__cause__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error, if there is one."""
    for cause in causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return int(response.status_code)
    return None


def is_transient(error: BaseException) -> bool:
    """Whether asking again may help: 5xx, 408, 429, a dropped or short transfer."""
    status = status_of(error)
    if status is not None:
        return status in RETRIED_STATUS
    chain = list(causes(error))
    if any(isinstance(cause, httpx2.TransportError) for cause in chain):
        return True
    return any("Consistency check failed" in str(cause) for cause in chain)


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds a server asks to wait: a number, or a date by the server's own clock.

    A date is compared with the answer's `Date`, so a wrong local clock changes nothing.

    >>> retry_after_s({"Retry-After": "7"})
    7.0
    """
    lowered = {key.lower(): value for key, value in headers.items()}
    value = lowered.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError):
        return None
    try:
        now = parsedate_to_datetime(lowered.get("date", "")).timestamp()
    except (TypeError, ValueError):
        now = time.time() if now is None else now
    return max(0.0, until - now)


def wait_asked_for(error: BaseException) -> float | None:
    """Return the Retry-After behind an error, in seconds."""
    for cause in causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return retry_after_s(response.headers)
    return None


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn whatever the Hub's client raises inside the block into one of `zoo.errors`."""
    try:
        yield
    except RankzooError:
        raise
    except client_errors() as error:
        raise explain(error, what) from error


def explain(error: BaseException, what: str) -> RankzooError:
    """Return the error for a person; `what` names the repository and revision."""
    chain = list(causes(error))
    for cause in chain:
        match cause:
            case errors.GatedRepoError():
                hint = "accept its terms on its page, then set HF_TOKEN to your access token"
                return UnavailableError(f"{what}: gated, access has to be granted", hint)
            case errors.RevisionNotFoundError():
                hint = "check the branch, tag or commit; it may have been removed"
                return UnavailableError(f"{what}: no such revision", hint)
            case errors.RepositoryNotFoundError():
                hint = "check the spelling; a private repository needs HF_TOKEN"
                return UnavailableError(f"{what}: no such repository", hint)
            case errors.RemoteEntryNotFoundError():
                return UnavailableError(f"{what}: the file is listed and not there", "try again")
            case errors.OfflineModeIsEnabled():
                hint = "unset HF_HUB_OFFLINE to download it once"
                return UnavailableError(f"{what}: offline, and not in the cache", hint)
            case errors.HFValidationError():
                return UsageError(f"{what}: not a name the Hub accepts", "use owner/name")
    return _explain_transport(error, chain, what)


def _explain_transport(error: BaseException, chain: list[BaseException], what: str) -> RankzooError:
    status = status_of(error)
    if status == 429:
        asked = wait_asked_for(error)
        hint = f"try again in {asked:.0f} s" if asked else "try again later"
        hint = f"{hint}; HF_TOKEN raises the limit; {OFFLINE}"
        return UnavailableError(f"{what}: rate limited (429)", hint)
    if status in (401, 403):
        return UnavailableError(f"{what}: access denied ({status})", "check HF_TOKEN")
    if status is not None:
        return UnavailableError(f"{what}: the Hub answers {status}", f"try again later; {OFFLINE}")
    for cause in chain:
        if "Consistency check failed" in str(cause):
            return IntegrityError(f"{what}: the transfer ended early", "try again")
        if isinstance(cause, OSError) and cause.errno in _SPACE:
            return UnavailableError(f"{what}: no space left", "free some, or move HF_HOME")
        if isinstance(cause, OSError) and cause.errno in _DENIED:
            where = cause.filename or "the cache"
            return UnavailableError(f"{what}: {where} cannot be written", "set HF_HOME elsewhere")
    reason = " ".join(str(chain[-1]).split())[:160] or type(error).__name__
    if isinstance(error, _UNREADABLE):
        said = f"{type(error).__name__}: {reason}"
        return IntegrityError(f"{what}: not an answer of the Hub ({said})", "check HF_ENDPOINT")
    return UnavailableError(
        f"{what}: no answer from the Hub ({reason})", f"check network, HF_ENDPOINT; {OFFLINE}"
    )
