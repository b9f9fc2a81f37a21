"""`rankzoo push`: a run becomes a repository of the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flags import takes
from cli.options import DryRun
from cli.output import Output, output_options, titled

if TYPE_CHECKING:
    from zoo.hub.push import PushOptions

RunFolder = Annotated[Path, typer.Argument(help="A run, or any model folder.")]
Repo = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository to fill.")]
License = Annotated[str | None, typer.Option("--license", help="Default: that of the base model.")]
Private = Annotated[bool, typer.Option("--private", help="Create it private.")]
Dataset = Annotated[
    str | None, typer.Option("--dataset", help="The data's name on the Hub, for .eval_results.")
]


def push_options(
    private: Private = False,
    license: License = None,  # noqa: A002 (the flag is called --license)
    dataset: Dataset = None,
) -> "PushOptions":
    """Return what a repository is to be."""
    from zoo.hub.push import PushOptions

    return PushOptions(private, license, dataset)


@takes(options=push_options, output=output_options)
def push(
    run: RunFolder,
    repo: Repo,
    *,
    options: "PushOptions",
    dry_run: DryRun = False,
    output: Output,
) -> None:
    """Upload weights, configuration, card and results in one commit; a second push resumes."""
    from rich.console import Group
    from rich.table import Table

    from zoo.hub.push import push as push_run

    pushed = push_run(run, repo, options, dry_run=dry_run, track=output.track)

    def human() -> Group:
        state = "would be sent to" if dry_run else f"sent, commit {pushed.commit}:"
        table = Table(box=None)
        for title in ("file", "bytes"):
            table.add_column(title, overflow="fold")
        for name, size in pushed.files.items():
            table.add_row(name, f"{size:,}")
        return titled(f"{state} {pushed.url}", table)

    output.result(pushed.as_json(), human)
