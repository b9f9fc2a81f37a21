"""`rankzoo bench …`: speed and memory on this machine, each against a reference in the same run."""

import typer

from cli.bench import ranking, search, training

app = typer.Typer(
    name="bench", no_args_is_help=True, help="Measure speed and memory on this machine."
)
for command in (
    training.embedding,
    training.training,
    training.batches,
    ranking.detection,
    ranking.detectors,
    training.evaluation,
    search.index,
    search.serve,
    search.scale,
    search.spread,
    ranking.sorters,
    ranking.losses,
):
    app.command()(command)
