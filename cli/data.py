"""`rankzoo data …`: look at data before training, and give it splits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.flags import takes
from cli.options import Json, OnBadImage, Quiet, Seed
from cli.output import Output, output_options, titled

if TYPE_CHECKING:
    from zoo.data.split import Shares

app = typer.Typer(name="data", no_args_is_help=True, help="Look at data, and split it.")
Where = Annotated[
    Path,
    typer.Argument(metavar="PATH", help="Folder, manifest, annotation file, or hf:owner/name."),
]
Labelled = Annotated[
    Path, typer.Argument(metavar="PATH", help="Folder, .csv or .jsonl manifest, or hf:owner/name.")
]
Html = Annotated[Path | None, typer.Option("--html", help="Also write a page with thumbnails.")]
By = Annotated[
    Literal["class", "item"],
    typer.Option("--by", help="Hold out whole classes, or a share of each."),
]
TestShare = Annotated[float, typer.Option("--test", help="Share of classes or items to test on.")]
ValShare = Annotated[float, typer.Option("--val", help="Share to validate on.")]
Manifest = Annotated[
    Path, typer.Option("--out", help="The .csv or .jsonl to write; never overwritten.")
]


@app.command()
def check(path: Where, html: Html = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Say what data is: layout, splits, classes, sizes, duplicates, files that cannot be read."""
    from rich.console import Group
    from rich.table import Table

    from zoo.data.check import check_data
    from zoo.files import refuse_to_overwrite, write_text
    from zoo.hub.image_sets import bring
    from zoo.report.data import data_page

    output = Output(as_json, quiet)
    if html is not None:
        refuse_to_overwrite(html)
    report = check_data(bring(path, track=output.track).path, output.track)
    if html is not None:
        write_text(html, data_page(report))

    def table() -> Group:
        levels = ", ".join(f"{count} of {level}" for level, count in report.levels.items())
        sides = "median {median_width} x {median_height}, sides {shortest} to {longest} pixels"
        title = f"{report.layout}: {levels or 'no labels'}; {sides.format(**report.sizes)}"
        shown = Table("split", "images", "classes", "smallest", "captions", "boxes")
        for s in report.splits:
            smallest = f"{s.smallest_class}: {s.smallest}" if s.classes else ""
            numbers = (str(s.captions or ""), str(s.boxes or ""))
            shown.add_row(s.split or "none", str(s.images), str(s.classes), smallest, *numbers)
        across = sum(found.across for found in report.duplicates)
        below = (
            f"duplicates: {len(report.duplicates)}, in two splits {across}; "
            f"files left out: {len(report.left_out)}; boxes without area: {report.bad_boxes}"
        )
        no_tree = [f"label levels are no tree: {found}" for found in report.crossings]
        return titled(title, shown, "\n".join([below, *no_tree]))

    output.result(report.as_json(), table)


def share_options(
    by: By = "class", test: TestShare = 0.2, val: ValShare = 0.0, seed: Seed = 0
) -> "Shares":
    """Return how many are held out."""
    from zoo.data.split import Shares

    return Shares(by, test, val, seed)


@app.command()
@takes(shares=share_options, output=output_options)
def split(
    path: Labelled,
    *,
    shares: "Shares",
    out: Manifest = Path("manifest.csv"),
    on_bad_image: OnBadImage = "fail",
    output: Output,
) -> None:
    """Give images a split, and write the manifest that training reads."""
    from collections import Counter

    from zoo.data.dataset import read_dataset
    from zoo.data.manifest import write_manifest
    from zoo.data.split import check_manifest_name, refuse_boxes, split_dataset
    from zoo.files import refuse_to_overwrite
    from zoo.hub.image_sets import bring

    refuse_to_overwrite(out)
    path = bring(path, track=output.track).path
    refuse_boxes(path)
    dataset = read_dataset(path, on_bad_image=on_bad_image, require_labels=shares.by == "class")
    done = split_dataset(dataset, shares)
    check_manifest_name(out, done)
    write_manifest(out, done.items, done.levels)
    counts = dict(sorted(Counter(item.split for item in done.items).items()))
    lines = [f"{count} {name}" for name, count in counts.items()]
    output.result(
        {"manifest": str(out), "images": counts, "by": shares.by, "seed": shares.seed},
        lambda: f"{', '.join(lines)} -> {out}",
    )
