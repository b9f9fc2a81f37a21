"""`rankzoo card`: write the card of a run, check cards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.flags import takes
from cli.options import Json, given
from cli.output import Output

card = typer.Typer(help="Write the card of a run, or check cards.", no_args_is_help=True)

Paths = Annotated[list[Path] | None, typer.Argument(help="Cards; default: the whole shelf.")]
RunFolder = Annotated[Path, typer.Argument(help="A run, any model folder, or a recipe's name.")]
Repo = Annotated[str | None, typer.Option("--repo", help="Where its weights are: owner/name.")]
License = Annotated[str | None, typer.Option("--license", help="Default: that of the base model.")]
CardFile = Annotated[
    Path | None, typer.Option("--out", help="File; default: RUN/README.md, or RECIPE.md here.")
]


@card.command("check")
def check(paths: Paths = None, as_json: Json = False) -> None:
    """Check cards against the schema; every problem is one line (exit code 3)."""
    from rich.text import Text

    from zoo.hub.checking import check_cards
    from zoo.report import counted

    checked = check_cards(paths)
    Output(as_json).result(
        {"checked": checked}, lambda: Text(f"{counted(len(checked), 'card')}, no problem")
    )


@dataclass(frozen=True)
class Written:
    """What a run's card says that the run does not."""

    repo: Repo = None
    license: License = None


@card.command("new")
@takes(written=Written)
def new(
    context: typer.Context,
    run: RunFolder,
    *,
    written: Written,
    out: CardFile = None,
    as_json: Json = False,
) -> None:
    """Write the card of a run (from its recipe, results and weights), or of a recipe."""
    from rich.text import Text

    from zoo.errors import UsageError
    from zoo.hub.checking import write_recipe_card, write_run_card
    from zoo.tasks import task_of_model

    if not run.is_dir() and (dropped := [o for o in given(context) if o != "--out"]):
        raise UsageError(f"card new of a recipe takes no {dropped[0]}", "name a run folder")
    if run.is_dir():
        task_of_model(str(run)).check("card new", given(context))
        path = write_run_card(
            run, out or run / "README.md", repo=written.repo, licence=written.license
        )
    else:
        path = write_recipe_card(str(run), out or Path(f"{run}.md"))
    Output(as_json).result({"card": str(path)}, lambda: Text(str(path)))
