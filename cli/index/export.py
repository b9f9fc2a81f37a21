"""`rankzoo index export`: an index as files that other stores load."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.flags import takes
from cli.index.options import Folder
from cli.index.show import facts
from cli.output import Output, output_options

Place = Annotated[Path, typer.Argument(metavar="OUT", help="Folder to create; never overwritten.")]
Format = Annotated[Literal["parquet", "npy"], typer.Option("--format", help="Kind of files.")]


@takes(output=output_options)
def export(index: Folder, out: Place, format_: Format = "parquet", *, output: Output) -> None:
    """Write ids, vectors, metadata and the model's identity as Parquet or NumPy files."""
    from zoo.index.exporting import export as export_index
    from zoo.index.reader import Reader

    value = export_index(Reader.open(index), out, format_, output.track)
    output.result(value, lambda: facts(value))
