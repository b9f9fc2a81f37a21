"""The page of an evaluation: numbers with their definition, curves, failures."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from zoo.evaluation.insight import Insight, look_into
from zoo.evaluation.measure import Outcome
from zoo.evaluation.paired import Row
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
    bounds: Mapping[str, Interval],
) -> str:
    """Return the page of one model, or of two compared, as one self-contained HTML document."""
    evaluation = outcomes[0].final
    blocks = [_comparison(names, rows)] if rows else []  # the answer first
    blocks += [_result(o.model, o.final, bounds if n == 0 else {}) for n, o in enumerate(outcomes)]
    insights = {o.model: look_into(o.measured) for o in outcomes if o.measured is not None}
    if insights:
        blocks.append(_curves(insights))
    for model, insight in insights.items():
        blocks += [_classes(model, insight), _failures(model, insight)]
    title = " against ".join(dict.fromkeys(outcome.model for outcome in outcomes))
    return page(title, evaluation.definition, *blocks)


def _result(model: str, evaluation: Evaluation, bounds: Mapping[str, Interval]) -> Markup:
    cells: list[list[Cell]] = [[name, value] for name, value in evaluation.metrics.items()]
    header = ["metric", "value"]
    if bounds:
        header.append("95 % interval")
        for row in cells:
            bound = bounds.get(str(row[0]))
            row.append(f"{bound.low:.4f} to {bound.high:.4f}" if bound else "")
    setting: dict[str, Cell] = {
        "protocol": evaluation.protocol,
        "queries": evaluation.queries,
        "gallery": evaluation.gallery,
        "queries without a right answer": evaluation.skipped,
        **evaluation.options,
    }
    return section(f"{model}: result", table(header, cells), facts(setting))


def _comparison(names: Sequence[str], rows: Sequence[Row]) -> Markup:
    cells: list[list[Cell]] = [
        [
            row.metric,
            row.a,
            row.b,
            row.verdict,
            row.difference,
            f"{row.low:+.4f} to {row.high:+.4f}",
            row.p_value,
        ]
        for row in rows
    ]
    header = ["metric", "A", "B", "verdict", "B - A", "95 % interval", "p"]
    how = (
        f"A = {names[0]}, B = {names[1]}. Same queries; interval by bootstrap over queries, p by "
        "the two-sided sign-flip permutation test."
    )
    return section("Comparison", paragraph(how), table(header, cells))


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
            paragraph(f"{model}: rank of the first right answer."),
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
