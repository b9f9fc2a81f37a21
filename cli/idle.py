"""Options that say nothing beside others: refused, never dropped."""

import typer

from cli.hints import flags_of
from cli.options import given
from zoo.errors import UsageError

TUNED = ("--recall", "--memory", "--latency-ms")
LAID_OUT = ("--kind", "--refine")
# Which options say nothing beside which others, and why.
IDLE = (
    (LAID_OUT, TUNED, "the kind is what it chooses"),
    ((*LAID_OUT, *TUNED, "--whiten", "--whitening-dim"), ("--like",), "that index decides it"),
    (("--dry-run",), ("--show-config",), "the recipe is printed, and that is all"),
)
# Which option says nothing, whatever its value, unless one of others is there.
NEEDS = {
    "--alpha": ("weighs the neighbours of", ("--expand", "--augment")),
    "--whiten-by": ("says how to learn from", ("--whiten-on",)),
}


def refuse_idle(context: typer.Context) -> None:
    """Raise where one of the options that were typed says nothing beside another, or without one.

    Raises:
        UsageError: naming both.
    """
    typed, there = set(given(context)), flags_of(context.command, context.params)
    for option in (option for option in NEEDS if option in typed):
        does, others = NEEDS[option]
        needed = [other for other in others if other in there]
        if not typed.intersection(needed):
            either = " or ".join(needed)
            raise UsageError(f"{option} {does} {either}, and none is asked for", f"add {either}")
    for idle, others, why in IDLE:
        for option in (option for option in idle if option in typed):
            for other in (other for other in others if other in typed):
                raise UsageError(f"{option} says nothing beside {other}: {why}", "leave one out")
