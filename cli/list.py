"""`rankzoo list`: the shelf."""

from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output

Word = Annotated[str, typer.Option(help="Keep the cards whose entry contains this word.")]


def list_cards(task: Word = "", loss: Word = "", dataset: Word = "", as_json: Json = False) -> None:
    """List the model cards: what can be downloaded, and what a recipe can train."""
    from rich.table import Table

    from zoo.cards.describe import card_summary
    from zoo.cards.shelf import select_cards

    rows = [card_summary(card) for card in select_cards(task, loss, dataset)]

    def human() -> Table:
        table = Table(box=None)
        for title in ("name", "status", "task", "licence", "weights from"):
            table.add_column(title, overflow="fold")
        for row in rows:
            table.add_row(*(str(row[k]) for k in ("name", "status", "task", "license", "source")))
        return table

    Output(as_json).result({"cards": rows}, human)
