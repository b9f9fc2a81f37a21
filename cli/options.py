"""The flags that mean the same thing in every command."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from zoo.embedding.options import EmbedOptions

Model = Annotated[
    str, typer.Option("--model", help="Card name, owner/name[@revision], or a local folder.")
]
Data = Annotated[
    Path,
    typer.Option(
        "--data", help="Folder with one folder per class, a .csv/.jsonl manifest, or hf:owner/name."
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Folder to create; never overwritten.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Items in one batch.")]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="What computes images on a CPU: torch, onnxruntime, openvino; auto: the fastest.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of every random choice.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Data loading processes.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no log on stderr.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use cached files; open no connection.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe's value.")
]
OnBadImage = Annotated[
    Literal["fail", "skip"],
    typer.Option("--on-bad-image", help="Unreadable images: stop, or leave out and list."),
]
Scales = Annotated[
    str, typer.Option("--scales", help="Embed at these scales and average: 1,0.7071,0.5.")
]


def typed() -> str:
    """Return the command line as a person may type it again."""
    return shlex.join(["rankzoo", *sys.argv[1:]])


def given(context: typer.Context) -> list[str]:
    """Return the options that the person typed, by their names; `--json` and `--quiet` are free."""
    free = ("--json", "--quiet")
    typed = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.param_type_name == "option"
        and getattr(context.get_parameter_source(parameter.name or ""), "name", "") != "DEFAULT"
    ]
    return [option for option in typed if option not in free]


Expand = Annotated[
    int, typer.Option("--expand", min=0, help="Move queries towards N neighbours (α-QE).")
]
Alpha = Annotated[
    float, typer.Option("--alpha", min=0, help="Weigh neighbours by similarity^alpha; 0: alike.")
]
Rerank = Annotated[
    str,
    typer.Option(
        "--rerank",
        metavar="[N]",
        help="Re-rank the first N of each query by k-reciprocal neighbours; alone: all.",
    ),
]


def embed_options(
    batch_size: BatchSize = 64,
    workers: Workers = 0,
    device: Device = "auto",
    runtime: Runtime = "torch",
) -> "EmbedOptions":
    """Return how embeddings are made."""
    from zoo.device import pick_device
    from zoo.embedding.options import EmbedOptions

    return EmbedOptions(batch_size, workers, pick_device(device), runtime=runtime)
