"""The docs site's pages that are made from the repository: READMEs, cards, commands, docstrings."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
REPOSITORY = {  # page -> the file that it is a copy of
    "guides/training.md": "zoo/training/README.md",
    "guides/recipes.md": "zoo/recipes/README.md",
    "guides/evaluation.md": "zoo/evaluation/README.md",
    "guides/detection.md": "zoo/detection/README.md",
    "guides/indexes.md": "zoo/index/README.md",
    "guides/search-page.md": "zoo/serve/README.md",
    "guides/ranking.md": "zoo/ranking/README.md",
    "comparison.md": "zoo/experiments/README.md",
    "changelog.md": ".github/CHANGELOG.md",
    "contributing.md": ".github/CONTRIBUTING.md",
}
TUTORIALS = {
    "photos.md": "Own photos to a search page",
    "labels.md": "Any labels",
    "hierarchy.md": "Classes with super-classes",
    "captions.md": "Captions",
    "detector.md": "Own boxes to a detector",
    "landmarks.md": "Landmarks",
    "losses.md": "Losses in your loop",
    "stores.md": "An index in another store",
    "export.md": "A model in another runtime",
    "cluster.md": "Beyond one machine: Ray",
}
API = {
    "losses": ["zoo.losses"],
    "metrics": ["retrieval", "graded", "landmarks", "voc", "correlation"],
    "ranking": ["zoo.ranking.blackbox", "zoo.ranking.exact", "zoo.ranking.steps"],
    "models": ["zoo.tasks", "zoo.models.embedder", "zoo.models.text_encoder"],
    "index": ["zoo.index.index", "zoo.index.layout"],
    "errors": ["zoo.errors"],
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Set the navigation: a tutorial is listed once its page is there."""
    written = [{title: page} for page, title in TUTORIALS.items() if (_docs() / page).is_file()]
    guides = [page for page in REPOSITORY if page.startswith("guides/")]
    config.nav = [
        {"Quickstart": "index.md"},
        {"Tutorials": written},
        {"Which loss": [{"Which loss when": "which-loss.md"}, {"The comparison": "comparison.md"}]},
        {"Models": "shelf.md"},
        {"Guides": guides},
        {"Commands": "commands.md"},
        {"API": [{name.capitalize(): f"api/{name}.md"} for name in API]},
        {"Project": [{"Changes": "changelog.md"}, {"Contributing": "contributing.md"}]},
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the made pages, and the images that they show."""
    from cli.reference import reference

    pages = {page: _rewritten(source, page) for page, source in REPOSITORY.items()}
    pages |= {f"api/{name}.md": _api(name) for name in API}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Which loss when")[1].split("\n## ")[0]
    pages["which-loss.md"] = "# Which loss when\n" + _linked(section, ROOT, "which-loss.md")
    pages["commands.md"] = reference()
    pages["shelf.md"] = "\n".join(_shelf())
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    for image in (*ROOT.glob("model_cards/*.png"), *ROOT.glob("model_cards/*.svg"), *_drawings()):
        name = f"images/{image.name}"
        files.append(File.generated(config, name, abs_src_path=str(image)))
    return files


def _shelf() -> Iterator[str]:
    """A table a group, and for what has an image the image."""
    from zoo.cards.describe import card_summary
    from zoo.cards.shelf import all_cards

    yield "# The shelf\n\n`rankzoo list` shows the same in a terminal, `rankzoo show NAME` a card."
    cards = all_cards().values()
    groups = {
        "With weights": [card for card in cards if card.source],
        "Recipes": [card for card in cards if not card.source],
    }
    for title, inside in groups.items():
        yield f"\n## {title} ({len(inside)})\n"
        if title == "Recipes":
            yield "`rankzoo train NAME --data FOLDER` makes the weights; numbers are the papers'.\n"
        else:
            yield from (
                f"`{card.name}`, before and after training:\n\n"
                f"![What {card.name} finds before and after training](images/{card.name}.png)\n"
                for card in inside
                if (ROOT / "model_cards" / f"{card.name}.png").is_file()
            )
        yield "| name | task | headline | licence |\n|---|---|---|---|"
        for card in inside:
            row = card_summary(card)
            yield f"| `{card.name}` | {card.task} | {row['headline'] or ''} | {card.license} |"


def _api(name: str) -> str:
    modules = [module if "." in module else f"zoo.{name}.{module}" for module in API[name]]
    return f"# {name.capitalize()}\n" + "".join(_directives(module) for module in modules)


def _directives(module: str) -> str:
    """A module's own members; of a package that gathers names, each of these."""
    from importlib import import_module

    if module != "zoo.losses":
        return f"\n::: {module}\n    options:\n      show_root_toc_entry: true\n"
    package = import_module(module)
    classes = {id(c): c for c in vars(package).values() if isinstance(c, type)}
    return "".join(f"\n::: {c.__module__}.{c.__name__}\n" for c in classes.values())


def _rewritten(source: str, page: str) -> str:
    path = ROOT / source
    return _linked(path.read_text(encoding="utf-8"), path.parent, page)


def _linked(text: str, folder: Path, page: str) -> str:
    """Point links at pages and images of the site; one to any other file becomes its text."""
    pages = {ROOT / source: name for name, source in REPOSITORY.items()}
    pages |= {ROOT / "cli" / "README.md": "commands.md", ROOT / "README.md": "index.md"}

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        if target.startswith(("http", "#")):
            return found.group()
        name, _, anchor = target.partition("#")
        path = Path(os.path.normpath(folder / name))
        here = Path(page).parent
        if path in pages:
            there = os.path.relpath(pages[path], here)
            return f"{mark}[{words}]({there}{'#' + anchor if anchor else ''})"
        if path.suffix in {".png", ".svg"}:
            return f"{mark}[{words}]({os.path.relpath(f'images/{path.name}', here)})"
        return words

    return LINK.sub(link, text)


def _drawings() -> Iterator[Path]:
    yield from ROOT.glob("zoo/*/*.svg")


def _docs() -> Path:
    return Path(__file__).with_name("docs")
