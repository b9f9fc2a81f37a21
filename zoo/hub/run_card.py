"""The card of a run: everything filled in from the files the run left."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from zoo import __version__
from zoo.cards.names import parse_hub_name
from zoo.cards.results import Result, model_index
from zoo.cards.shelf import all_cards
from zoo.cards.sources import AT_FIRST_DOWNLOAD, HubSource
from zoo.errors import UnavailableError, UsageError
from zoo.files import as_yaml
from zoo.hub.cache import pin_path, read_pin
from zoo.hub.resolve import look_up
from zoo.recipes import RECIPES, AnyRecipe
from zoo.recipes.own_images import own_recipe
from zoo.recipes.values import to_json
from zoo.runs.folder import TOLD, differences
from zoo.runs.reading import Run
from zoo.tasks import task_of_config

OWN = "own"  # the recipe of a model and a loss chosen on the command line


def run_card(run: Run, name: str, *, repo: str | None = None, licence: str | None = None) -> str:
    """Return the card of a run; `repo` names where its weights are or will be.

    Raises:
        UsageError: the licence cannot be known, or `repo` is not owner/name.
    """
    if repo is not None and parse_hub_name(repo) is None:
        raise UsageError(f"{repo!r} is not owner/name", "for example me/photos-resnet50")
    front = _front(run, name, repo, licence or _licence_of_base(run))
    head = as_yaml(front)
    return f"---\n{head}---\n" + "\n\n".join(_body(run, name, repo)) + "\n"


def run_results(run: Run) -> list[Result]:
    """Return the run's numbers as measured ones."""
    results = run.results
    args = {
        "protocol": results.get("protocol", ""),
        "provenance": "measured",
        "command": results.get("command") or _command(run),
        "seed": results.get("seed", 0),
        "date": run.date,
    }
    if how := _how(results):
        args["options"] = "; ".join(how)
    dataset = str(results.get("data") or _at(run.recipe, "data", "reader") or "folder")
    metrics: Mapping[str, Any] = results.get("metrics") or {}
    return [Result(dataset, metric, value, args) for metric, value in metrics.items()]


def _front(run: Run, name: str, repo: str | None, licence: str) -> dict[str, Any]:
    kind = task_of_config(run.config)
    task = kind.pipeline_tag
    results = run_results(run)
    recipe, loss = run.recipe.get("name"), _at(run.recipe, "loss", "name")
    base, revision = _base_model(run)
    source = {"repo": repo, "revision": AT_FIRST_DOWNLOAD} if repo else {"folder": "."}
    block = {
        "source": source,
        "files": [record.as_json() for record in run.files],
        "architecture": run.architecture,
        "recipe": recipe if recipe in RECIPES else None,
        "loss": loss,
        "base_revision": revision,
        "version": __version__,
    }
    front = {
        "license": licence,
        "library_name": "rankzoo",
        "pipeline_tag": task,
        "tags": [
            kind.tag,
            *([str(loss)] if loss else []),
        ],
        "metrics": sorted({result.metric for result in results}),
        "base_model": base,
        "model-index": model_index(name, task, results),
        "rankzoo": {key: value for key, value in block.items() if value},
    }
    return {key: value for key, value in front.items() if value}


def _body(run: Run, name: str, repo: str | None) -> Iterator[str]:
    yield f"# {name}"
    about = run.recipe.get("about") or f"Weights of {run.architecture}"
    yield f"{about[:1].upper()}{about[1:]}."
    where = repo or str(run.folder)
    yield f'```python\nimport zoo\n\nmodel = zoo.load("{where}")\n```'
    if run.results.get("metrics"):
        yield "## Results"
        yield _table(run.results)
        said = f"{run.results['definition'].rstrip('.')}. " if "definition" in run.results else ""
        yield f"{said}Measured {run.date}."
        if how := _how(run.results):
            yield "\n".join(f"- {line}" for line in how)
    if run.recipe:
        yield "## Training"
        yield f"```bash\n{_command(run)}\n```"
        yield "Every choice is in `recipe.json`. The base model and its revision are above."


def _table(results: Mapping[str, Any]) -> str:
    """Return the numbers; refined ones beside those of the same protocol without refinement."""
    plain = results.get("unrefined") or {}
    titles = ["metric", "plain", "refined"] if plain else ["metric", "value"]
    rows = []
    for metric, value in results["metrics"].items():
        before = [f"{plain[metric]:.4f}" if metric in plain else ""] if plain else []
        rows.append([metric, *before, f"{value:.4f}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in [titles, ["---"] * len(titles), *rows])


def _how(results: Mapping[str, Any]) -> list[str]:
    """Return what was done between image and ranking, a line each."""
    return [f"{name}: {what}" for name, what in (results.get("options") or {}).items()]


def _command(run: Run) -> str:
    """Return the line that trained the run, as it was typed, else what its recipe says of it."""
    recipe = run.recipe
    if told := run.results.get("training_command"):
        return str(told)
    if not recipe:
        return f"rankzoo eval {run.folder.name}"
    if task_of_config(run.config).name == "sorter":
        return f"rankzoo train {recipe.get('name')}"
    data = _at(recipe, "data", "reader") or "folder"
    name, seed = str(recipe.get("name")), run.results.get("seed", 0)
    end = f" --seed {seed}" if seed else ""
    if name in RECIPES:
        return f"rankzoo train {name} --data {data}{_changes(RECIPES[name], recipe)}{end}"
    if name != OWN:
        return f"rankzoo train {run.folder.name}/recipe.json --data {data}{end}"
    model, loss = str(_at(recipe, "network", "backbone")), str(_at(recipe, "loss", "name"))
    usual = own_recipe(model)
    named = "" if recipe.get("extra_loss") and loss == usual.loss.name else f" --loss {loss}"
    base = own_recipe(model, loss) if named else usual
    return f"rankzoo train --model {model}{named} --data {data}{_changes(base, recipe)}{end}"


def _changes(base: AnyRecipe, recipe: Mapping[str, Any]) -> str:
    """Return what makes a recipe out of another one, as options."""
    ours = {k: v for k, v in to_json(base).items() if k in recipe and k not in TOLD}
    theirs = {key: recipe[key] for key in ours}
    found = (line.partition(": ") for line in differences(ours, theirs))
    changes = (
        f"{key.replace('loss.options.', 'loss.')}={values.partition(' -> ')[2]}"
        for key, _, values in found
    )
    return "".join(f" --set {shlex.quote(change)}" for change in changes)


def _base_model(run: Run) -> tuple[str | None, str | None]:
    """Return the base model as the Hub names it, and the commit pinned on this machine."""
    backbone = _backbone(run)
    try:
        _, source = look_up(backbone)
    except UnavailableError:
        return None, None
    if not isinstance(source, HubSource):
        return None, str(source)
    pin = read_pin(pin_path(source.repo, source.revision))
    return source.repo, pin.commit if pin else source.revision


def _licence_of_base(run: Run) -> str:
    backbone = _backbone(run)
    card = all_cards().get(backbone.rpartition("/")[2].partition("@")[0])
    if card is None:
        raise UsageError("the licence of these weights is not known", "give --license, e.g. mit")
    return card.license


def _backbone(run: Run) -> str:
    return str(_at(run.recipe, "network", "backbone") or _at(run.recipe, "backbone") or "")


def _at(value: Mapping[str, Any], *path: str) -> Any:
    for key in path:  # a detector's recipe is flat: there is nothing below its loss
        value = (value.get(key) or {}) if isinstance(value, Mapping) else {}
    return value or None
