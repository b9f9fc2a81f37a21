"""Commands that take options whole: a maker's parameters become flags, its result an argument.

An option of paths takes a set of the Hub, `hf:owner/name`, and says so in its help, or refuses it.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from typer.core import TyperCommand

from cli.hints import fitting, flags_of
from zoo.errors import RankzooError, UsageError

Made = TypeVar("Made")
SET = "hf:owner/name"  # stands in the help of what takes a set of the Hub
BARE = {"--rerank": "all"}  # flags that may stand without a value, and what they then mean


def takes(**makers: Callable[..., Any]) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Return a decorator for commands: the argument of each name is what its maker returns.

    A maker is a function, or a dataclass, whose parameters are annotated as those of a command;
    they stand in the command's help in the place of the argument. Makers may take makers.

    Raises:
        TypeError: two makers, or a maker and the command, have a parameter of the same name.
    """

    def decorate(command: Callable[..., Made]) -> Callable[..., Made]:
        own = inspect.signature(command).parameters
        flags: list[inspect.Parameter] = []
        for name, parameter in own.items():
            found = inspect.signature(makers[name]).parameters if name in makers else {}
            flags += list(found.values()) if name in makers else [parameter]
        names = {name: list(inspect.signature(makers[name]).parameters) for name in makers}

        @wraps(command)
        def run(**values: Any) -> Made:
            made = {
                name: maker(**{flag: values.pop(flag) for flag in names[name]})
                for name, maker in makers.items()
            }
            return command(**values, **made)

        keyword = [flag.replace(kind=inspect.Parameter.KEYWORD_ONLY) for flag in flags]
        if len({flag.name for flag in keyword}) < len(keyword):
            raise TypeError(f"{command.__name__}: a flag is there twice")
        del run.__wrapped__
        run.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
        run.__annotations__ = {flag.name: flag.annotation for flag in keyword}
        return run

    return decorate


class Command(TyperCommand):
    """A command some of whose flags may stand without a value, and take sets of the Hub."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Fill in what such a flag means alone; find the home folder where a shell did not."""
        rest = super().parse_args(ctx, filled([at_home(argument) for argument in args]))
        for parameter in self.params:
            refuse_sets(parameter, ctx.params.get(parameter.name or ""))
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run it; what goes wrong advises nothing that this command cannot do."""
        try:
            return super().invoke(ctx)
        except RankzooError as error:
            error.hint = fitting(error.hint, flags_of(self, ctx.params))
            raise


def refuse_sets(parameter: Any, value: Any) -> None:
    """Raise where a set of the Hub stands in the place of another path.

    Raises:
        UsageError: naming the option, and how the set becomes a folder.
    """
    for path in value if isinstance(value, list | tuple) else [value]:
        said = path.as_posix() if isinstance(path, Path) else ""
        if said.startswith("hf:") and SET not in (getattr(parameter, "help", "") or ""):
            name = parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.metavar
            raise UsageError(
                f"{name or parameter.name} takes no set of the Hub: {said}",
                f"`rankzoo data check {said}` brings it and names its folder",
            )


def at_home(argument: str) -> str:
    """Return an argument with the home folder for its `~/`: shells leave it in `--data=~/photos`.

    >>> at_home("--data=~/photos") == f"--data={Path.home()}/photos", at_home("a ~/b")
    (True, 'a ~/b')
    """
    flag = f"{argument.partition('=')[0]}=" if argument.startswith("--") else ""
    value = argument.removeprefix(flag)
    return f"{flag}{Path(value).expanduser()}" if value.startswith("~/") else argument


def filled(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which a bare flag has its value.

    >>> filled(["m", "--rerank", "--data", "d"]), filled(["--rerank", "5"])
    (['m', '--rerank', 'all', '--data', 'd'], ['--rerank', '5'])
    """
    found: list[str] = []
    for place, argument in enumerate(arguments):
        found.append(argument)
        after = arguments[place + 1] if place + 1 < len(arguments) else ""
        if argument in BARE and not (after.isdecimal() or after == BARE[argument]):
            found.append(BARE[argument])
    return found
