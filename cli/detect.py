"""`rankzoo detect`: boxes in images."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Device, Json, Offline, Out, Quiet
from cli.output import Output

Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Images = Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images to look at.")]
Threshold = Annotated[
    float, typer.Option("--threshold", min=0.0, max=1.0, help="Lowest score to show.")
]


def detect(
    model: Name,
    images: Images,
    out: Out = Path("detections"),
    threshold: Threshold = 0.3,
    device: Device = "auto",
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the boxes a detector finds, and write them as JSON."""
    from rich.table import Table

    from zoo.detection.detect import detect_images
    from zoo.detection.storage import load_detector
    from zoo.device import pick_device
    from zoo.hub.resolve import resolve_model

    output = Output(as_json, quiet)
    detector = load_detector(resolve_model(model, offline=offline)).to(pick_device(device))
    results = detect_images(detector, images, out, threshold=threshold, track=output.track)

    def table() -> Table:
        shown = Table("image", "label", "score", "left, top, right, bottom")
        for row in results:
            for found in row["detections"]:
                corners = ", ".join(f"{edge:.0f}" for edge in found["box"])
                shown.add_row(row["image"], found["label"], f"{found['score']:.2f}", corners)
        return shown

    output.result({"out": str(out), "results": results}, table)
