"""Results as tables for a terminal."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from zoo.evaluation.paired import Row
from zoo.evaluation.protocols import PROTOCOLS
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.uncertainty import Interval


def result_table(
    evaluation: Evaluation, model: str, bounds: Mapping[str, Interval] | None = None
) -> Table:
    """Return one row per metric, with its interval when known; the definition below.

    The metrics by which the protocol is quoted are in bold.
    """
    table = _table(model, evaluation)
    headline = PROTOCOLS.get(evaluation.protocol, PROTOCOLS["labels"]).headline
    for title in ("value", *(["95 % interval"] if bounds else [])):
        table.add_column(title, justify="right")
    for name, value in evaluation.metrics.items():
        interval = bounds.get(name) if bounds else None
        shown = [f"{interval.low:.4f} to {interval.high:.4f}"] if interval else []
        style = "bold" if name in headline else ""
        table.add_row(name, f"{value:.4f}", *shown, style=style)
    return table


def comparison_table(evaluation: Evaluation, models: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return one row per metric of A and B: both values, the difference, how sure."""
    table = _table(f"A = {models[0]}, B = {models[1]}", evaluation)
    for title in ("A", "B", "B - A", "95 % interval", "p"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in rows:
        table.add_row(
            row.metric,
            f"{row.a:.4f}",
            f"{row.b:.4f}",
            f"{row.difference:+.4f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.p_value:.3f}" if row.p_value >= 0.001 else "<0.001",
            row.verdict,
        )
    return table


def _table(title: str, evaluation: Evaluation) -> Table:
    counts = f"{evaluation.queries} queries, {evaluation.gallery} in the gallery"
    options = "".join(f"\n{name}: {what}" for name, what in evaluation.options.items())
    table = Table(
        title=f"{title} · {evaluation.protocol} · {counts}",
        caption=evaluation.definition + options,
        title_justify="left",
        caption_justify="left",
        box=None,
    )
    table.add_column("metric", no_wrap=True)
    return table
