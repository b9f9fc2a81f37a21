"""`rankzoo detect`: boxes in images."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Device, Json, Offline, OnBadImage, Out, Quiet
from cli.output import Output

logger = logging.getLogger("rankzoo")
Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Images, folders or patterns.")
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0.0, max=1.0, help="Lowest score to show; by default the model's own."
    ),
]


def detect(
    model: Name,
    images: Images,
    out: Out = Path("detections"),
    threshold: Threshold = None,
    on_bad_image: OnBadImage = "fail",
    device: Device = "auto",
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the boxes a detector finds, and write them as JSON."""
    from rich.table import Table

    from zoo.detection.detect import detect_images, threshold_of_model
    from zoo.detection.storage import load_detector
    from zoo.device import pick_device
    from zoo.hub.resolve import resolve_model

    output = Output(as_json, quiet)
    detector = load_detector(resolve_model(model, offline=offline)).to(pick_device(device))
    lowest = threshold_of_model(detector) if threshold is None else threshold
    results = detect_images(
        detector, images, out, threshold=lowest, on_bad_image=on_bad_image, track=output.track
    )
    for row in results:
        if not row["detections"] and row["best"] is not None:
            best = f"best {row['best']:.2f}"
            logger.warning("%s: nothing above %.2f; %s", row["image"], lowest, best)

    def table() -> Table:
        shown = Table("image", "label", "score", "left, top, right, bottom")
        for row in results:
            for found in row["detections"]:
                corners = ", ".join(f"{edge:.0f}" for edge in found["box"])
                shown.add_row(row["image"], found["label"], f"{found['score']:.2f}", corners)
        return shown

    output.result({"out": str(out), "threshold": lowest, "results": results}, table)
