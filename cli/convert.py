"""`rankzoo convert`: a third-party checkpoint becomes a model folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flags import takes
from cli.options import Json, Out, given
from cli.output import Output, titled

if TYPE_CHECKING:
    from zoo.hub.conversion.convert import Choices

Checkpoint = Annotated[Path, typer.Argument(help="A .pth, .pt, .bin, .ckpt or .safetensors file.")]
Format = Annotated[str | None, typer.Option("--format", help="Default: read off the tensors.")]
Architecture = Annotated[
    str | None,
    typer.Option("--architecture", help="A timm name, or a detector's recipe."),
]
Pooling = Annotated[
    str | None, typer.Option("--pooling", help="avg, max or token, where no tensor tells it.")
]
LayerNorm = Annotated[
    str | None, typer.Option("--layer-norm", help="plain, if the network had one without weights.")
]
Size = Annotated[int, typer.Option("--size", min=1, help="Input size in pixels.")]
Resize = Annotated[int, typer.Option("--resize", min=1, help="Shorter side before the crop.")]


def choices(
    architecture: Architecture = None,
    pooling: Pooling = None,
    layer_norm: LayerNorm = None,
    size: Size = 224,
    resize: Resize = 256,
) -> "Choices":
    """Return what a checkpoint does not say of itself."""
    from zoo.hub.conversion.convert import Choices

    return Choices(architecture, pooling, layer_norm, size, resize)


@dataclass(frozen=True)
class Files:
    """What is converted, and where to."""

    checkpoint: Checkpoint
    out: Out
    format: Format = None


@takes(files=Files, choices=choices)
def convert(
    context: typer.Context, *, files: Files, choices: "Choices", as_json: Json = False
) -> None:
    """Convert weights of ROADMAP, SupRank, RS@k, Smooth-AP, AP-GeM, torchvision or mmdetection."""
    from rich.console import Group
    from rich.table import Table

    from zoo.detection.convert import convert_detector
    from zoo.errors import UsageError
    from zoo.hub.conversion.convert import convert as convert_file
    from zoo.recipes import DetectionRecipe, recipes_of

    out = files.out
    if (recipe := recipes_of(DetectionRecipe).get(choices.architecture or "")) is not None:
        for option in given(context):
            if option not in ("--out", "--architecture"):
                problem = f"convert of a detector takes no {option}: {recipe.name} decides it"
                raise UsageError(problem, "leave it out")
        detector = convert_detector(files.checkpoint, recipe, out)
        Output(as_json).result(detector, lambda: f"{detector['tensors']} tensors kept in {out}")
        return
    done = convert_file(files.checkpoint, out, format_name=files.format, choices=choices)

    def human() -> Group:
        kept = f"{len(done.names)} tensors of {done.config.architecture} kept in {out}; dropped:"
        table = Table(box=None)
        for title in ("tensor", "why"):
            table.add_column(title, overflow="fold")
        for name, reason in done.dropped.items():
            table.add_row(name, reason)
        return titled(kept, table)

    Output(as_json).result({"folder": str(out), **done.as_json()}, human)
