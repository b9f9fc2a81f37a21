"""The quickstart's report: settings, curve, before and after in numbers and in images."""

from markupsafe import Markup

from zoo import __version__, report
from zoo.files import write_text
from zoo.quickstart.examples import Example
from zoo.quickstart.run import Quickstart
from zoo.runs.record import read_rows

SHOWN = ("recall_at_1", "recall_at_5", "recall_at_10", "map_at_r", "mean_average_precision")


def write_report(done: Quickstart) -> None:
    """Write the report of a finished quickstart as one HTML file."""
    after = done.evaluations["after"]
    lead = (
        f"An ImageNet network learns to find the same emoji drawn by another artist: "
        f"{after.queries} queries by Twemoji, {after.gallery} answers by OpenMoji, "
        f"no emoji of the test seen in training."
    )
    page = report.page(
        "rankzoo quickstart",
        lead,
        report.section("Before and after", _numbers(done)),
        report.section("Images", report.paragraph(_how_drawn(done)), _images(done)),
        report.section("Training", _curve(done)),
        report.section("Settings", report.facts(_settings(done))),
        report.section("Seconds", report.table(["stage", "seconds"], _stages(done))),
        report.section("The same by hand", report.commands(done.commands)),
        report.section("Licences", report.paragraph(_LICENCES)),
    )
    write_text(done.report, page)


_LICENCES = (
    "Twemoji graphics: CC-BY 4.0. OpenMoji graphics: CC-BY-SA 4.0. "
    "EfficientNet-Lite0 weights: Apache-2.0."
)


def _numbers(done: Quickstart) -> Markup:
    before, after = done.evaluations["before"], done.evaluations["after"]
    rows: list[list[str | float]] = [
        [name, before.metrics[name], after.metrics[name]] for name in SHOWN
    ]
    table = report.table(["metric", "before", "after"], rows)
    return table + report.paragraph(f"{after.protocol}: {after.definition}.")


def _how_drawn(done: Quickstart) -> str:
    return (
        f"{len(done.examples['after'])} queries drawn at random (seed {done.seed}), each with its "
        "first answers before and after training."
    )


def _images(done: Quickstart) -> Markup:
    rows = []
    for before, after in zip(done.examples["before"], done.examples["after"], strict=True):
        rows += [_row("before", before), _row("after", after)]
    return report.rankings(rows)


def _row(name: str, example: Example) -> Markup:
    label = example.query.labels[0]
    query = report.Shown(example.query.path, _words(label))
    hits = [report.Shown(hit.path, _words(hit.label), hit.label == label) for hit in example.hits]
    return report.ranking(name, query, hits)


def _words(label: str) -> str:
    return label.replace("_", " ")


def _curve(done: Quickstart) -> Markup:
    points = [(row["step"], row["loss"]) for row in read_rows(done.out / "run") if "loss" in row]
    return report.line_chart({"loss": points}, "step", f"loss ({done.recipe.loss.name})")


def _settings(done: Quickstart) -> dict[str, str | int | float]:
    recipe = done.recipe
    return {
        "rankzoo": __version__,
        "recipe": recipe.name,
        "backbone": recipe.network.backbone,
        "loss": recipe.loss.name,
        "steps": recipe.schedule.steps or 0,
        "images a step": recipe.batch.size,
        "images a class": recipe.batch.per_class,
        "optimiser": f"{recipe.optimiser.name}, learning rate {recipe.optimiser.lr:g}",
        "schedule": recipe.schedule.kind,
        "seed": done.seed,
    }


def _stages(done: Quickstart) -> list[list[str]]:
    return [[stage, f"{seconds:.1f}"] for stage, seconds in done.seconds.items()]
