"""Options that say nothing beside others: refused, never dropped."""

from collections.abc import Iterable

from zoo.errors import UsageError

TUNED = ("--recall", "--memory", "--latency-ms")
LAID_OUT = ("--kind", "--refine")
# Which options say nothing beside which others, and why.
IDLE = (
    (LAID_OUT, TUNED, "the kind is what it chooses"),
    ((*LAID_OUT, *TUNED, "--whiten", "--whitening-dim"), ("--like",), "that index decides it"),
)


def refuse_idle(given: Iterable[str]) -> None:
    """Raise where one of the options that were typed says nothing beside another of them.

    Raises:
        UsageError: naming both.
    """
    typed = set(given)
    for idle, others, why in IDLE:
        for option in (option for option in idle if option in typed):
            for other in (other for other in others if other in typed):
                raise UsageError(f"{option} says nothing beside {other}: {why}", "leave one out")
