"""Results as tables for a terminal."""

from rich.table import Table

from zoo.evaluation.evaluation import Evaluation


def result_table(evaluation: Evaluation, model: str) -> Table:
    """Return one row per metric, the protocol's definition below."""
    counts = f"{evaluation.queries} queries, {evaluation.gallery} images in the gallery"
    table = Table(
        title=f"{model} · {evaluation.protocol} · {counts}",
        caption=evaluation.definition,
        title_justify="left",
        caption_justify="left",
        box=None,
    )
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in evaluation.metrics.items():
        table.add_row(name, f"{value:.4f}")
    return table
