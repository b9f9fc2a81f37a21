"""Errors as HTTP says them: a status, and the same three fields as on the command line."""

from typing import Any

from zoo.errors import DataError, IntegrityError, RankzooError, UnavailableError, UsageError

STATUS: dict[type[RankzooError], int] = {
    UsageError: 400,
    DataError: 422,
    UnavailableError: 404,
    IntegrityError: 503,
}


class RefusedError(RankzooError):
    """An error with a status of its own.

    `retry_after`: seconds after which asking again makes sense, if it does.
    """

    def __init__(
        self, status: int, message: str, hint: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after


def status_of(error: RankzooError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, RefusedError):
        return error.status
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def headers_of(error: RankzooError) -> dict[str, str]:
    """Return the HTTP headers that go with an error."""
    if isinstance(error, RefusedError) and error.retry_after is not None:
        return {"Retry-After": str(error.retry_after)}
    return {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else {}


def body_of(error: RankzooError) -> dict[str, Any]:
    """Return the JSON body of an error."""
    return {"error": str(error), "code": status_of(error), "hint": error.hint}
