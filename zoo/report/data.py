"""The page of a data check: facts, faults, and a few images of each class."""

from pathlib import Path

from markupsafe import Markup

from zoo.data.check import DataReport, SplitFacts
from zoo.report.html import Cell, block, facts, page, paragraph, section, table
from zoo.report.images import thumbnail

SHOWN = 50  # rows of a list of faults


def data_page(report: DataReport) -> str:
    """Return the report as one HTML document with thumbnails inside."""
    splits = [_numbers(split) for split in report.splits]
    head = ["split", "images", "classes", "captions", "boxes", "smallest class", "its images"]
    known: dict[str, Cell] = {"layout": report.layout, **report.levels, **report.sizes}
    blocks = [section("Splits", table(head, splits)), section("What it is", facts(known))]
    same = [[d.first, ", ".join(d.others), "yes" if d.across else "no"] for d in report.duplicates]
    if same:
        rows = table(["file", "same bytes", "in two splits"], same[:SHOWN])
        blocks.append(section(f"Duplicates: {len(same)}", rows))
    if report.left_out:
        listed = [[one.path, one.reason] for one in report.left_out[:SHOWN]]
        blocks.append(section(f"Left out: {len(report.left_out)}", table(["file", "why"], listed)))
    if report.crossings:
        lines = [paragraph(str(found)) for found in report.crossings]
        blocks.append(section("Label levels that are no tree", *lines))
    shown = [_row(label, paths) for label, paths in report.examples.items()]
    blocks.append(section("Images", *(shown or [paragraph("none")])))
    verdict = "Nothing is wrong with it." if report.ok else "Something is wrong: see below."
    return page(f"Data: {report.path}", verdict, *blocks)


def _numbers(found: SplitFacts) -> list[Cell]:
    counts = (found.images, found.classes, found.captions, found.boxes)
    return [found.split or "(none)", *counts, found.smallest_class, found.smallest]


def _row(label: str, paths: tuple[str, ...]) -> Markup:
    images = [{"source": thumbnail(Path(path)), "path": path} for path in paths]
    return block("strip", label or "(no label)", images)
