"""`rankzoo download`: weights into the cache, pinned and verified."""

from dataclasses import dataclass
from typing import Annotated

import typer

from cli.flags import takes
from cli.options import DryRun, Offline
from cli.output import Output, output_options, titled

Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Revision = Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Ask the Hub again what it points to.")]


@dataclass(frozen=True)
class Source:
    """Which state of a repository, and whether the Hub is asked."""

    revision: Revision = None
    offline: Offline = False
    refresh: Refresh = False


@takes(source=Source, output=output_options)
def download(name: Name, *, source: Source, dry_run: DryRun = False, output: Output) -> None:
    """Download a model, verify every file, and print where it is; a second call is free."""
    from rich.console import Group
    from rich.table import Table

    if dry_run:
        from zoo.hub.download_size import plan

        result = plan(name, **vars(source))
    else:
        from zoo.hub.resolve import resolve

        found = resolve(name, **vars(source), track=output.track)
        files = [record.as_json() for record in found.files]
        result = {"path": str(found.path), "revision": found.revision, "files": files}

    def human() -> Group:
        table = Table(box=None)
        for title in ("file", "bytes", "sha256"):
            table.add_column(title, overflow="fold")
        for file in result["files"]:
            table.add_row(file["name"], f"{file['size']:,}", file["sha256"] or "")
        return titled(result["path"], table)

    output.result(result, human)
