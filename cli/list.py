"""`rankzoo list`: the shelf."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.flags import takes
from cli.options import Json
from cli.output import Output

if TYPE_CHECKING:
    from rich.text import Text

Words = Annotated[
    str, typer.Argument(metavar="[TEXT]", help="Keep the cards whose entry contains this text.")
]
Task = Annotated[str, typer.Option(help="Keep the cards whose task contains this word.")]
Loss = Annotated[str, typer.Option(help="Keep the cards whose loss contains this word.")]
Data = Annotated[
    str, typer.Option("--data", "--dataset", help="Keep the cards whose data contain this word.")
]
Ready = Annotated[bool, typer.Option("--ready", help="Keep what loads now, without a network.")]
GROUPS = {
    "here": "Ready: loads now, without a network",
    "package": "Needs a pip package: `rankzoo show NAME` names it",
    "hub": "Needs the Hub: `rankzoo download NAME`",
    "recipe": "Recipes: `rankzoo train NAME --data DIR` makes the weights",
}


@dataclass(frozen=True)
class Kept:
    """Words that an entry's fields contain."""

    task: Task = ""
    loss: Loss = ""
    dataset: Data = ""


@takes(kept=Kept)
def list_cards(
    text: Words = "", *, kept: Kept, ready: Ready = False, as_json: Json = False
) -> None:
    """List the models: what loads now, what needs the Hub, what a recipe trains."""
    from zoo.cards.describe import card_summary
    from zoo.cards.shelf import select_cards
    from zoo.hub.availability import availability

    rows = [
        {**card_summary(card), "available": availability(card)}
        for card in select_cards(**vars(kept))
    ]
    wanted = [
        row
        for row in rows
        if text.lower() in " ".join(map(str, row.values())).lower()
        and (not ready or row["available"] == "here")
    ]
    Output(as_json).result({"cards": wanted}, lambda: _shelf(wanted))


def _shelf(rows: list[dict[str, Any]]) -> "Text":
    """Return a name a line for a pipe; for a terminal groups, with size and headline number."""
    from rich.console import Console
    from rich.text import Text

    if not Console().is_terminal:
        lines = [row["name"] for row in rows]
    else:
        lines = [line for group in GROUPS for line in _group(group, rows)] or ["no card fits"]
    return Text("\n".join(lines), no_wrap=True, overflow="ignore", end="\n" if lines else "")


def _group(group: str, rows: list[dict[str, Any]]) -> list[str]:
    inside = [row for row in rows if row["available"] == group]
    if not inside:
        return []
    width = max(len(row["name"]) for row in inside)
    named = [f"  {row['name']:{width}}  {_size(row['bytes']):>7}" for row in inside]
    lines = [
        f"{line}  {row['headline'] or ''}".rstrip() if len(line) < 54 else line.rstrip()
        for line, row in zip(named, inside, strict=True)
    ]
    return [f"{GROUPS[group]} ({len(inside)})", *lines, ""]


def _size(count: int | None) -> str:
    if count is None:
        return ""
    if count < 2**10:
        return f"{count} B"
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} kB"
