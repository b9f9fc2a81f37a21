"""The commands by name. Only the one that is called is imported: `rankzoo list` opens 1 of 19."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cli.flags import Command

# name -> module:object, where the object is a function, or a Typer app with commands of its own.
COMMANDS = {
    "list": "cli.list:list_cards",
    "show": "cli.show:show",
    "download": "cli.download:download",
    "train": "cli.train:train",
    "eval": "cli.eval:evaluate",
    "compare": "cli.compare:compare",
    "data": "cli.data:app",
    "index": "cli.index:app",
    "search": "cli.search:search",
    "serve": "cli.serve:serve",
    "embed": "cli.embed:embed",
    "detect": "cli.detect:detect",
    "export": "cli.export:export",
    "push": "cli.push:push",
    "card": "cli.card:card",
    "convert": "cli.convert:convert",
    "bench": "cli.bench:app",
    "doctor": "cli.doctor:doctor",
    "quickstart": "cli.quickstart:quickstart",
}
HELP = {"help_option_names": ["-h", "--help"]}


class CommandGroup(TyperGroup):
    """`rankzoo`: a group whose commands are those of `COMMANDS`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": _OnDemand(COMMANDS)})


class _OnDemand(MutableMapping[str, Any]):
    """Commands that are imported when they are looked up, in the order of the table."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places
        self._opened: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._opened:
            module, _, attribute = self._places[name].partition(":")
            self._opened[name] = _as_command(name, getattr(import_module(module), attribute))
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __setitem__(self, name: str, command: Any) -> None:
        self._opened[name] = command

    def __delitem__(self, name: str) -> None:
        del self._opened[name]


def _as_command(name: str, found: Any) -> Any:
    if isinstance(found, typer.Typer):
        app = found
        app.info.context_settings = HELP
    else:
        app = typer.Typer(context_settings=HELP)
        app.command(name)(found)
    for entry in app.registered_commands:
        entry.cls = Command
    app._add_completion = False
    command = get_command(app)
    command.name = name
    return command
