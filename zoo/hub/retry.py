"""Asking again, politely: exponential back-off, and the server's own Retry-After first."""

import logging
import time
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from zoo.hub.failures import client_errors, is_transient, wait_asked_for
from zoo.hub.patience import patient, within

T = TypeVar("T")
LOG = logging.getLogger("rankzoo")
ATTEMPTS = 4
FIRST_WAIT_S = 0.5  # then 1 and 2 s: a hiccup is over, and a dead server is known in 4 s


def with_retries(call: Callable[[], T], what: str) -> T:
    """Return `call()`, asking up to 4 times while the failure looks transient and time is left.

    A server that asks for a longer wait than there is time gets its way: we stop and say so.

    Raises:
        Exception: the last failure, as the Hub's client raised it; or TimeoutError.
    """
    with patient() as patience:
        for attempt in count(1):
            try:
                return within(patience, call)
            except client_errors() as error:
                asked = wait_asked_for(error)
                wait_s = FIRST_WAIT_S * 2 ** (attempt - 1) if asked is None else asked
                if attempt == ATTEMPTS or not is_transient(error) or wait_s > patience.left():
                    raise
                LOG.warning("%s: try %d failed, again in %.1f s", what, attempt, wait_s)
                time.sleep(wait_s)
    raise AssertionError("the tries are counted")
