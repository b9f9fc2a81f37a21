"""Results as tables for a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from zoo.evaluation.paired import Row
from zoo.evaluation.protocols import PROTOCOLS
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.uncertainty import Interval


def result_table(
    evaluation: Evaluation, model: str, bounds: Mapping[str, Interval] | None = None
) -> Group:
    """Return one row per metric, with its interval when known; the definition below.

    The metrics by which the protocol is quoted are in bold. Everything fits 80 columns.
    """
    table = _table()
    headline = PROTOCOLS.get(evaluation.protocol, PROTOCOLS["labels"]).headline
    for title in ("value", *(["95 % interval"] if bounds else [])):
        table.add_column(title, justify="right")
    for name, value in evaluation.metrics.items():
        interval = bounds.get(name) if bounds else None
        shown = [f"{interval.low:.4f} to {interval.high:.4f}"] if interval else []
        style = "bold" if name in headline else ""
        table.add_row(name, f"{value:.4f}", *shown, style=style)
    return _told(model, evaluation, table)


def comparison_table(
    evaluation: Evaluation,
    models: Sequence[str],
    rows: Sequence[Row],
    bounds: Sequence[Mapping[str, Interval]],
) -> Group:
    """Return one row per metric of A and B: both values, the difference, how sure.

    The 95 % interval of a value stands below it, so that all of it fits 80 columns.
    """
    table = _table()
    for title in ("A", "B", "B - A", "p", "better"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        own = [found[row.metric] for found in bounds]
        table.add_row(
            broken(row.metric),
            *(
                f"{value:.4f}\n{bound.low:.4f} {bound.high:.4f}"
                for value, bound in zip((row.a, row.b), own, strict=True)
            ),
            f"{row.difference:+.4f}\n{row.low:+.4f} {row.high:+.4f}",
            row.shown_p,
            {"A is better": "A", "B is better": "B"}.get(row.verdict, "none"),
        )
    return _told(f"A = {models[0]}, B = {models[1]}", evaluation, table)


def broken(name: str, width: int = 15) -> str:
    """Return a metric's name with line breaks after underscores, no line wider than `width`.

    >>> broken("mean_average_precision_label_level_2").splitlines()
    ['mean_average_', 'precision_', 'label_level_2']
    """
    lines = [""]
    for part in name.replace("_", "_ ").split():
        if len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _table() -> Table:
    table = Table(box=None)
    table.add_column("metric", overflow="fold")
    return table


def _told(title: str, evaluation: Evaluation, table: Table) -> Group:
    """Return a table between its title and its definition, both as wide as the terminal."""
    counts = f"{evaluation.counted}, {evaluation.gallery:,} in the gallery"
    options = "".join(f"\n{name}: {what}" for name, what in evaluation.options.items())
    heading = Text(f"{title} · {evaluation.protocol} · {counts}", style="italic")
    return Group(heading, table, Text(evaluation.definition + options, style="dim italic"))
