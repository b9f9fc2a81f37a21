"""`rankzoo index …`: build, change, check and look into an index."""

import typer

from cli.index import build, change, explore, export, join, look

app = typer.Typer(
    name="index", no_args_is_help=True, help="Build, change, check and look into an index."
)
for command in (
    build.build,
    change.add,
    change.remove,
    look.info,
    look.verify,
    change.compact,
    change.relocate,
    join.assemble,
    join.merge,
    explore.duplicates,
    export.export,
):
    app.command()(command)
app.command("map")(explore.draw_map)
