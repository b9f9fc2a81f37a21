"""The page of an evaluation: numbers with their definition, curves, failures."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from zoo.embedding.words import short_name
from zoo.evaluation.insight import Insight, look_into
from zoo.evaluation.measure import Outcome
from zoo.evaluation.paired import Row
from zoo.evaluation.protocols import PROTOCOLS
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.uncertainty import Interval
from zoo.report import (
    Shown,
    facts,
    histogram,
    line_chart,
    page,
    paragraph,
    ranking,
    rankings,
    section,
    table,
)
from zoo.report.html import Cell


def evaluation_page(
    outcomes: Sequence[Outcome],
    names: Sequence[str],
    rows: Sequence[Row],
    bounds: Sequence[Mapping[str, Interval]],
) -> str:
    """Return the page of one model, or of two results compared, as one HTML document.

    bounds: the intervals of each result, or none.
    """
    final = outcomes[-1].final
    shown = dict(zip((o.model for o in outcomes), short(outcomes), strict=True))
    blocks = [
        section("Comparison", *_comparison(names, rows, bounds))
        if rows
        else section("Result", _result(final, bounds)),
        section("Setting", facts(_setting(final))),
    ]
    insights = {shown[o.model]: look_into(o.measured) for o in outcomes if o.measured is not None}
    if insights:
        blocks.append(_curves(insights))
    for model, insight in insights.items():
        blocks += [_classes(model, insight), _failures(model, insight)]
    title = " against ".join(dict.fromkeys(shown.values()))
    return page(title, answer(final, rows), *blocks)


def short(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what to call the models: by their last names, where these differ."""
    full = [outcome.model for outcome in outcomes]
    last = [short_name(name) for name in full]
    return last if len(set(last)) == len(set(full)) else full


def answer(evaluation: Evaluation, rows: Sequence[Row]) -> str:
    """Return in a sentence or two how good a result is, or which of two is better."""
    headline = PROTOCOLS.get(evaluation.protocol, PROTOCOLS["labels"]).headline
    if not rows:
        quoted = [n for n in headline if n in evaluation.metrics] or list(evaluation.metrics)[:1]
        values = ", ".join(f"{name} {evaluation.metrics[name]:.4f}" for name in quoted)
        return f"{values}; {evaluation.counted}."
    quoted_rows = [row for row in rows if row.metric in headline] or list(rows)
    verdicts: dict[str, list[str]] = {}
    for row in quoted_rows:
        verdicts.setdefault(row.verdict, []).append(
            f"{row.metric} ({row.a:.4f} to {row.b:.4f}, p {row.shown_p})"
        )
    said = "; ".join(f"{verdict} by {', '.join(by)}" for verdict, by in verdicts.items())
    return f"{said[:1].upper()}{said[1:]}."


def _result(evaluation: Evaluation, bounds: Sequence[Mapping[str, Interval]]) -> Markup:
    known = bounds[0] if bounds else {}
    cells: list[list[Cell]] = [
        [name, value, *([_range(known.get(name))] if known else [])]
        for name, value in evaluation.metrics.items()
    ]
    return table(["metric", "value", *(["95 % interval"] if known else [])], cells)


def _setting(evaluation: Evaluation) -> dict[str, Cell]:
    return {
        "rule": evaluation.definition,
        "protocol": evaluation.protocol,
        "queries": evaluation.queries,
        "gallery": evaluation.gallery,
        "queries without a relevant item": evaluation.skipped,
        **evaluation.options,
    }


def _comparison(
    names: Sequence[str], rows: Sequence[Row], bounds: Sequence[Mapping[str, Interval]]
) -> list[Markup]:
    """Return one table of both sides, the interval of each value behind it."""
    cells: list[list[Cell]] = [
        [
            row.metric,
            *(
                f"{value:.4f} ({_range(side.get(row.metric))})"
                for value, side in zip((row.a, row.b), bounds, strict=True)
            ),
            row.verdict,
            f"{row.difference:+.4f} ({row.low:+.4f} to {row.high:+.4f})",
            row.shown_p,
        ]
        for row in rows
    ]
    how = (
        f"A = {names[0]}, B = {names[1]}. Same queries; in brackets 95 % intervals by bootstrap "
        "over queries, p by the two-sided sign-flip permutation test."
    )
    return [table(["metric", "A", "B", "verdict", "B - A", "p"], cells), paragraph(how)]


def _range(bound: Interval | None) -> str:
    return f"{bound.low:.4f} to {bound.high:.4f}" if bound else "no interval"


def _curves(insights: Mapping[str, Insight]) -> Markup:
    curves = {model: insight.precision_recall for model, insight in insights.items()}
    blocks = [
        paragraph(
            f"Mean interpolated precision over {next(iter(insights.values())).looked_at} queries."
        ),
        line_chart(curves, "recall", "precision"),
    ]
    for model, insight in insights.items():
        blocks += [
            paragraph(f"{model}: rank of the first relevant item."),
            histogram(insight.first_ranks, "rank", "queries"),
        ]
        if len(insight.closeness) > 2:
            blocks += [
                paragraph(f"{model}: finest level that the first answer shares with the query."),
                histogram(insight.closeness, "level", "queries"),
            ]
    return section("Curves", *blocks)


def _classes(model: str, insight: Insight) -> Markup:
    worst = table(
        ["class", "queries", "mean average precision"],
        [[c.label, c.queries, c.average_precision] for c in insight.worst_classes],
    )
    blocks = [paragraph("Worst classes."), worst]
    for level, pairs in insight.confusions.items():
        confused: list[list[Cell]] = [[pair.label, pair.taken_for, pair.times] for pair in pairs]
        if confused:
            blocks += [
                paragraph(f"Confused most, by {level.replace('_', ' ')}."),
                table(["query", "first answer", "times"], confused),
            ]
    return section(f"{model}: classes", *blocks)


def _failures(model: str, insight: Insight) -> Markup:
    shown = [
        ranking(
            failure.label,
            Shown(failure.path, failure.label),
            [Shown(hit.path, f"{hit.label} {hit.score:.3f}", hit.right) for hit in failure.hits],
        )
        for failure in insight.failures
    ]
    return section(f"{model}: queries that fail most", rankings(shown))
