"""`rankzoo quickstart`: the whole path on real images, in minutes, with a report."""

from pathlib import Path
from typing import Annotated

import typer

from cli.flags import takes
from cli.options import Device, Seed
from cli.output import Output, output_options, titled


@takes(output=output_options)
def quickstart(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to create. [default: runs/quickstart]")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Training steps. [default: the recipe's]")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    *,
    output: Output,
) -> None:
    """Fine-tune on real images, evaluate before and after, index, search, write a report."""
    from rich.console import Group
    from rich.table import Table

    from zoo.device import pick_device
    from zoo.quickstart import free_folder, quickstart_recipe, run_quickstart, write_report

    folder = out or free_folder(Path("runs/quickstart"))
    recipe = quickstart_recipe(steps)
    done = run_quickstart(folder, recipe, seed=seed, device=pick_device(device), track=output.track)
    write_report(done)

    def table() -> Group:
        view = Table()
        for column in ("metric", "before", "after"):
            view.add_column(column, justify="left" if column == "metric" else "right")
        before, after = (done.evaluations[name].metrics for name in ("before", "after"))
        for name in ("recall_at_1", "recall_at_10", "map_at_r"):
            view.add_row(name, f"{before[name]:.3f}", f"{after[name]:.3f}")
        return titled(f"seed {seed}, {sum(done.seconds.values()):.0f} s", view)

    output.result(done.to_json(), table)
    output.log(f"report: {done.report}\n\nThe same by hand:\n" + "\n".join(done.commands))
