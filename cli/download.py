"""`rankzoo download`: weights into the cache, pinned and verified."""

from typing import Annotated

import typer

from cli.options import DryRun, Json, Offline, Quiet
from cli.output import Output

Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Revision = Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Ask the Hub again what it points to.")]


def download(
    name: Name,
    revision: Revision = None,
    offline: Offline = False,
    refresh: Refresh = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download a model, verify every file, and print where it is; a second call is free."""
    from rich.table import Table

    output = Output(as_json, quiet)
    if dry_run:
        from zoo.hub.download_size import plan

        result = plan(name, revision=revision)
    else:
        from zoo.hub.resolve import resolve

        found = resolve(
            name, revision=revision, offline=offline, refresh=refresh, track=output.track
        )
        files = [record.as_json() for record in found.files]
        result = {"path": str(found.path), "revision": found.revision, "files": files}

    def human() -> Table:
        table = Table(box=None, title=result["path"], title_justify="left")
        for title in ("file", "bytes", "sha256"):
            table.add_column(title, overflow="fold")
        for file in result["files"]:
            table.add_row(file["name"], f"{file['size']:,}", file["sha256"] or "")
        return table

    output.result(result, human)
