"""A comparison as a Markdown block, and as tables for a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table

from zoo.experiments.candidate import RATE
from zoo.experiments.claims import Verdict
from zoo.experiments.plan import Edge
from zoo.experiments.standings import Standing, quality_and_gap

LEGEND = (
    "Mean over seeds ± half the 95 % interval (Student's t over seeds; one seed: bootstrap over "
    "queries), in percent. ★: best of its column; ≈: not clearly behind it (paired permutation "
    "test over queries, Holm-adjusted, and behind in every seed). ↑ ↓: at the highest or lowest "
    "end of the learning rates searched; a better one may lie beyond them (--rates)."
)
EDGES: Mapping[Edge, str] = {"": "", "highest": " ↑", "lowest": " ↓"}
SHORT = {
    "recall_at_1": "R@1",
    "map_at_r": "mAP@R",
    "mean_average_precision": "mAP",
    "h_ap": "H-AP",
    "ndcg": "NDCG",
    "decomposability_gap": "gap",
    "t2i_recall_at_1": "name → image R@1",
    "t2i_recall_at_10": "R@10",
    "i2t_recall_at_1": "image → name R@1",
}


def header(shown: Sequence[str], rows: Sequence[Standing]) -> list[str]:
    """Return the column titles."""
    metrics = [SHORT.get(name, name) for name in quality_and_gap(shown, rows)]
    return ["loss", *metrics, "s/step", "MB", "seeds", "learning rate, own setting"]


def cells(row: Standing, shown: Sequence[str], rows: Sequence[Standing]) -> list[str]:
    """Return a candidate's row: values with their interval, or why there are none."""
    metrics = quality_and_gap(shown, rows)
    if not row.metrics:
        return [row.name, *["—"] * len(metrics), "—", "—", "0", row.note]
    values = [value(row, metric, metric in shown) for metric in metrics]
    trained = row.step_seconds > 0
    settings = ", ".join(
        f"{key.split('.')[-1]} {v}{EDGES[row.edge] if key == RATE else ''}"
        for key, v in row.point.items()
    )
    return [
        row.name,
        *values,
        f"{row.step_seconds:.2f}" if trained else "—",
        f"{row.memory_bytes / 1e6:.0f}" if trained else "—",
        str(row.seeds),
        "; ".join(part for part in (settings, row.note) if part),
    ]


def value(row: Standing, metric: str, ranked: bool) -> str:
    """Return one value: ★ when it is the best, with ≈ when it is not clearly behind."""
    found = row.metrics.get(metric)
    if found is None:
        return "—"
    number = f"{in_percent(metric, found.mean):.1f}"
    if found.low == found.low:  # not NaN
        number += f" ± {in_percent(metric, found.high - found.low) / 2:.1f}"
    if not ranked:
        return number
    behind = row.behind.get(metric)
    if behind is None:
        return f"{number} ★"
    return number if behind.clear else f"{number} ≈"


def markdown(
    rows: Sequence[Standing], shown: Sequence[str], verdicts: Sequence[Verdict] = ()
) -> str:
    """Return the block for a README or a card; metrics in percent."""
    titles = header(shown, rows)
    lines = [
        "| " + " | ".join(titles) + " |",
        "|---|" + "---:|" * (len(titles) - 2) + "---|",
        *("| " + " | ".join(_escaped(c) for c in cells(row, shown, rows)) + " |" for row in rows),
        "",
        LEGEND,
    ]
    if verdicts:
        lines += ["", "| claim | answer | numbers |", "|---|---|---|"]
        lines += [
            f"| {_escaped(v.claim.says)} ({v.claim.source}) | {v.answer} | {numbers(v)} |"
            for v in verdicts
        ]
    return "\n".join(lines) + "\n"


def numbers(found: Verdict) -> str:
    """Return what an answer rests on."""
    if found.note:
        return found.note
    return "; ".join(
        f"{SHORT.get(f.metric, f.metric)} {_scaled(f.metric, f.a)} → {_scaled(f.metric, f.b)} "
        f"({_p(f.p_value)})"
        for f in found.findings
    )


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p {value:.3f}"


def _scaled(metric: str, number: float) -> str:
    return f"{in_percent(metric, number):.1f}"


def in_percent(metric: str, number: float) -> float:
    """Return a metric's value in percent, which the metrics of captions are in already."""
    return number if metric[:3] in ("t2i", "i2t") else 100 * number


def terminal(
    rows: Sequence[Standing], shown: Sequence[str], verdicts: Sequence[Verdict], report: str
) -> Group:
    """Return the tables for a terminal."""
    table = Table(box=None)
    for place, title in enumerate(header(shown, rows)[:-2]):
        table.add_column(title, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:  # eighty columns: no spaces, and no interval of the gap
        narrow = [c.replace(" ± ", "±") for c in cells(row, shown, rows)[:-2]]
        beyond = slice(1 + len(shown), None)
        table.add_row(*narrow[: beyond.start], *(c.split("±")[0] for c in narrow[beyond]))
    notes = [f"{row.name}: {row.note}" for row in rows if row.note]
    answers = [f"{v.answer}: {v.claim.says} ({numbers(v)})" for v in verdicts]
    return Group(table, LEGEND, *notes, *answers, f"report: {report}")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
