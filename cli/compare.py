"""`rankzoo compare`: which loss? The same network, data, steps and tuning for each."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.options import Data, Device, DryRun, Json, Offline, OnBadImage, Quiet, Set, Workers
from cli.output import Output

Name = Annotated[
    str | None, typer.Argument(metavar="[RECIPE]", help="The recipe whose loss is replaced.")
]
Backbone = Annotated[
    str | None, typer.Option("--backbone", help="Card, owner/name[@revision], or folder.")
]
Losses = Annotated[str, typer.Option("--losses", help="Names, comma-separated, or `all`.")]
Claims = Annotated[
    str, typer.Option("--claims", help="Papers' claims to test: names, comma-separated, or `all`.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the comparison; it goes on there.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Runs of each at its chosen settings.")]
Search = Annotated[
    Literal["tpe", "grid"] | None,
    typer.Option("--search", help="How settings are searched; default tpe, or as the folder was."),
]
Rates = Annotated[
    str,
    typer.Option(
        "--rates",
        help="Learning rates, as factors of the recipe's: the ends of a range, 0.25,4; "
        "the points of a grid, 0.5,2.",
    ),
]
Trials = Annotated[
    int | None, typer.Option("--trials", min=1, help="Tuning runs of each loss (tpe); default 8.")
]
TuningSteps = Annotated[
    int | None, typer.Option("--tuning-steps", min=1, help="By default a quarter of the steps.")
]
Budget = Annotated[
    str, typer.Option("--budget", help="Stop cleanly after this time: 90s, 5m, 2h, 1d.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Runs at a time; they share the cores.")]
Size = Annotated[int | None, typer.Option("--batch-size", min=1, help="Items in a global batch.")]


def compare(
    data: Data,
    name: Name = None,
    backbone: Backbone = None,
    losses: Losses = "",
    claims: Claims = "",
    out: Out = Path("comparison"),
    seeds: Seeds = 3,
    search: Search = None,
    rates: Rates = "",
    trials: Trials = None,
    tuning_steps: TuningSteps = None,
    budget: Budget = "",
    jobs: Jobs = 1,
    changes: Set = None,
    batch_size: Size = None,
    device: Device = "auto",
    workers: Workers = 0,
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare losses on your data: one command, one folder, killed or stopped it goes on."""
    from zoo.experiments.cost import described
    from zoo.experiments.options import CompareOptions, execute
    from zoo.experiments.options import dry_run as cost_of
    from zoo.experiments.tables import terminal

    output = Output(as_json, quiet)
    options = CompareOptions(
        data,
        out,
        recipe=name,
        backbone=backbone,
        losses=losses,
        claims=claims,
        changes=changes or [],
        seeds=seeds,
        search=search,
        rates=rates,
        trials=trials,
        tuning_steps=tuning_steps,
        budget=budget,
        jobs=jobs,
        batch_size=batch_size,
        device=device,
        workers=workers,
        on_bad_image=on_bad_image,
        offline=offline,
    )
    if dry_run:
        found = cost_of(options)
        output.result(found, lambda: described(found))
        return
    result = execute(options, shlex.join(["rankzoo", *sys.argv[1:]]), output.track)
    output.result(
        result.as_json(),
        lambda: terminal(
            result.standings, result.shown, result.verdicts, str(result.folder / "index.html")
        ),
    )
