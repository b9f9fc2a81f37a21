"""The page of a comparison: the table, how sure it is, curves, claims, and how it was made."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from zoo.experiments.claims_section import claims_section
from zoo.experiments.result import BLOCK, PAGE, RESULT, Result
from zoo.experiments.standings import Standing
from zoo.experiments.tables import LEGEND, SHORT, cells, header, markdown
from zoo.files import write_json, write_text
from zoo.report import commands, counted, facts, line_chart, page, paragraph, section, table
from zoo.report.html import Cell
from zoo.runs.record import Row

LINES = 5  # of different colours in a chart
FIXED = "\u00a0±\u00a0"  # does not break the line


def write_result(result: Result, folder: Path) -> None:
    """Write the JSON, the Markdown block and the page of a comparison into its folder."""
    write_json(folder / RESULT, {**result.as_json(), "curves": result.curves})
    write_text(folder / BLOCK, markdown(result.standings, result.shown, result.verdicts))
    write_text(folder / PAGE, comparison_page(result))


def comparison_page(result: Result) -> str:
    """Return the page as one self-contained HTML document."""
    rows, shown = result.standings, result.shown
    grid = [[cell.replace(" ± ", FIXED) for cell in cells(row, shown, rows)] for row in rows]
    blocks = [
        section(
            "Standings",
            table(header(shown, rows), grid),
            paragraph(LEGEND),
        ),
        *claims_section(result.verdicts),
        *_behind(rows, shown),
        *_curves(rows, result.curves),
        section("How it was made", facts(_settings(result)), *_command(result.command)),
    ]
    return page("Which loss?", _lead(result), *blocks)


def _lead(result: Result) -> str:
    """Return the answer in a sentence, then what it rests on."""
    rows, metric = result.standings, result.shown[0]
    done = [row for row in rows if metric in row.metrics]
    answer = "No candidate has a finished run yet"
    if done:
        level = [r.name for r in done[1:] if metric in r.behind and not r.behind[metric].clear]
        answer = f"{done[0].name} is best by {SHORT.get(metric, metric)}" + (
            f"; not clearly behind: {', '.join(level)}" if level else ""
        )
    backbone, runs = result.plan.base.network.backbone, counted(result.done, "run")
    missing = "" if result.complete else " Not all runs of the plan are there yet."
    return f"{answer}. {counted(len(rows), 'candidate')} on {backbone}, {runs}.{missing}"


def _behind(rows: Sequence[Standing], shown: Sequence[str]) -> list[Markup]:
    blocks = []
    for metric in shown:
        found = [(row.name, row.behind[metric]) for row in rows if metric in row.behind]
        if not found:
            continue
        lines: list[list[Cell]] = [
            [name, f"{b.difference:+.4f}", f"{b.p_value:.4f}", "yes" if b.clear else "no"]
            for name, b in sorted(found, key=lambda pair: -pair[1].difference)
        ]
        title = f"{SHORT.get(metric, metric)}: against {found[0][1].best}"
        blocks += [paragraph(title), table(["loss", "difference", "p", "clearly behind"], lines)]
    return [section("Significance", *blocks)] if blocks else []


def _curves(rows: Sequence[Standing], curves: Mapping[str, Sequence[Row]]) -> list[Markup]:
    """Return validation over steps, five candidates a chart, the best first."""
    drawn = {row.name: curves[row.name] for row in rows if curves.get(row.name)}
    names = list(drawn)
    charts = []
    for start in range(0, len(names), LINES):
        series = {
            name: [(point["step"], point["validation"]) for point in drawn[name]]
            for name in names[start : start + LINES]
        }
        charts.append(line_chart(series, "step", "validation"))
    if not charts:
        return []
    what = (
        "Tuning runs at the chosen settings: mAP@R (captions: the sum of recalls) on the training "
        "classes set aside, in the order of the table."
    )
    return [section("Learning curves", paragraph(what), *charts)]


def _settings(result: Result) -> dict[str, Cell]:
    plan, base = result.plan, result.plan.base
    return {
        "backbone": base.network.backbone,
        "input size": base.network.size or "the backbone's own",
        "batch": base.batch.size,
        "images a class": base.batch.per_class,
        "sampler": base.batch.sampler,
        "optimiser": base.optimiser.name,
        "search": plan.method,
        "learning rates searched": ", ".join(map(str, plan.rates)),
        "steps": plan.steps,
        "steps of a tuning run": plan.tuning_steps,
        "training classes set aside for tuning": f"{plan.validation:.0%}",
        "seeds": plan.seeds,
    }


def _command(command: str) -> list[Markup]:
    return [commands([command])] if command else []
