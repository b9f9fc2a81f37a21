"""`rankzoo show`: one card."""

from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output, Prose


def show(
    name: Annotated[str, typer.Argument(help="A card of `rankzoo list`.")], as_json: Json = False
) -> None:
    """Show a model card: how to use it, licence, files, recipe, numbers and their source."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from zoo.cards.describe import card_details, card_facts
    from zoo.cards.shelf import find_card
    from zoo.cards.usage import usage
    from zoo.hub.availability import pin_facts, pinned

    card = find_card(name)

    def human() -> Group:
        table = Table(box=None, show_header=False)
        for key, value in [*card_facts(card), *pin_facts(card)]:
            table.add_row(Text(key, "bold"), value)
        commands = Text("\n".join(usage(card)) + "\n", no_wrap=True, overflow="ignore")
        return Group(commands, Prose(card.body), table)

    pin = pinned(card)
    found = pin and {"commit": pin.commit, "files": [record.as_json() for record in pin.files]}
    details = {**card_details(card), "usage": usage(card), "pinned": found}
    Output(as_json).result(details, human)
