"""`rankzoo compare`: which loss? The same network, data, steps and tuning for each."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.cluster import cluster_options
from cli.flags import takes
from cli.options import Data, Device, DryRun, Offline, OnBadImage, Set, Workers
from cli.output import Output, output_options

if TYPE_CHECKING:
    from zoo.cluster import Cluster
    from zoo.experiments.options import CompareOptions

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
Seeds = Annotated[
    int, typer.Option("--seeds", min=1, help="Seeds of each loss at its chosen settings.")
]
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
    int | None,
    typer.Option("--tuning-steps", min=1, help="Steps of a tuning run; default a quarter."),
]
Budget = Annotated[
    str, typer.Option("--budget", help="Stop cleanly after this time: 90s, 5m, 2h, 1d.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Runs at a time; they share the cores.")]
Size = Annotated[int | None, typer.Option("--batch-size", min=1, help="Items in a global batch.")]


@dataclass(frozen=True)
class Candidates:
    """What is compared."""

    recipe: Name = None
    backbone: Backbone = None
    losses: Losses = ""
    claims: Claims = ""
    changes: Set = None
    batch_size: Size = None


@dataclass(frozen=True)
class Tuning:
    """How often each is trained, and how its settings are found."""

    seeds: Seeds = 3
    search: Search = None
    rates: Rates = ""
    trials: Trials = None
    tuning_steps: TuningSteps = None


@dataclass(frozen=True)
class Runs:
    """Where and how runs are carried out."""

    out: Out = Path("comparison")
    budget: Budget = ""
    jobs: Jobs = 1
    device: Device = "auto"
    workers: Workers = 0
    on_bad_image: OnBadImage = "fail"
    offline: Offline = False


@takes(candidates=Candidates, tuning=Tuning, runs=Runs, cluster=cluster_options)
def compare_options(
    data: Data,
    *,
    candidates: Candidates,
    tuning: Tuning,
    runs: Runs,
    cluster: "Cluster | None",
) -> "CompareOptions":
    """Return everything a comparison is told."""
    from zoo.experiments.options import CompareOptions
    from zoo.hub.image_sets import bring

    data = bring(data, offline=runs.offline).path
    told: dict[str, Any] = {**vars(candidates), "changes": candidates.changes or []}
    told |= {**vars(tuning), **vars(runs), "cluster": cluster}
    if cluster is not None:  # its machines have other working folders
        data, told["out"] = data.absolute(), runs.out.absolute()
    return CompareOptions(data, **told)


@takes(options=compare_options, output=output_options)
def compare(*, options: "CompareOptions", dry_run: DryRun = False, output: Output) -> None:
    """Compare losses on your data, in one folder; the same command resumes it."""
    from zoo.experiments.cost import described
    from zoo.experiments.options import dry_run as cost_of
    from zoo.experiments.options import execute
    from zoo.experiments.tables import terminal

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
