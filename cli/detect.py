"""`rankzoo detect`: boxes in images."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.flags import takes
from cli.options import Device, Offline, OnBadImage, Out, given
from cli.output import Output, output_options

if TYPE_CHECKING:
    from torch import nn

    from zoo.detection.detect import DetectOptions

logger = logging.getLogger("rankzoo")
Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Images, videos, folders or patterns.")
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0.0, max=1.0, help="Lowest score to show; by default the model's own."
    ),
]
Every = Annotated[
    float, typer.Option("--every", min=0.001, help="Seconds between the frames of a video.")
]


def detector_options(model: Name, device: Device = "auto", offline: Offline = False) -> "nn.Module":
    """Return the detector, on its device."""
    from zoo.detection.storage import load_detector
    from zoo.device import pick_device
    from zoo.hub.resolve import resolve_model

    return load_detector(resolve_model(model, offline=offline)).to(pick_device(device))


def how_options(
    context: typer.Context,
    threshold: Threshold = None,
    every: Every = 1.0,
    on_bad_image: OnBadImage = "fail",
) -> "DetectOptions":
    """Return how images are gone through.

    Raises:
        UsageError: frames are to be taken, and there is no video.
    """
    from zoo.data.video import is_video
    from zoo.detection.detect import DetectOptions
    from zoo.detection.inputs import images_of
    from zoo.errors import UsageError

    if "--every" in given(context) and not any(map(is_video, images_of(context.params["images"]))):
        raise UsageError("--every says nothing without a video", "leave it out")
    return DetectOptions(threshold, every, on_bad_image)


@takes(output=output_options, detector=detector_options, how=how_options)
def detect(
    detector: "nn.Module",
    images: Images,
    out: Out = Path("detections"),
    *,
    how: "DetectOptions",
    output: Output,
) -> None:
    """Draw the boxes a detector finds, and write them as JSON."""
    from rich.table import Table

    from zoo.detection.detect import detect_images, threshold_of_model

    _say_clipped(detector, how.threshold)
    lowest = threshold_of_model(detector) if how.threshold is None else how.threshold
    results = detect_images(detector, images, out, how, track=output.track)
    for row in results:
        if not row["detections"] and row["best"] is not None:
            best = f"best {row['best']:.2f}"
            where = f"{row['image']} at {row['second']:.2f} s" if "second" in row else row["image"]
            logger.warning("%s: nothing above %.2f; %s", where, lowest, best)

    def table() -> Table:
        shown = Table("image", "label", "score", "left, top, right, bottom")
        for row in results:
            for found in row["detections"]:
                corners = ", ".join(f"{edge:.0f}" for edge in found["box"])
                shown.add_row(row["image"], found["label"], f"{found['score']:.2f}", corners)
        return shown

    output.result({"out": str(out), "threshold": lowest, "results": results}, table)


def _say_clipped(detector: Any, threshold: float | None) -> None:
    """Warn where the network itself keeps no box of so low a score."""
    least = detector.recipe.network.score_threshold
    if threshold is not None and threshold < least:
        said = "--threshold %g: the detector keeps no box below %g, its network.score_threshold"
        logger.warning(said, threshold, least)
