"""The registry: every `model_cards/<name>.md` is an entry, and there is no other table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from zoo.cards.parsed import Parsed, parsed
from zoo.cards.results import Result, read_results
from zoo.cards.sources import FileRecord, Source, read_source
from zoo.errors import DataError, UnavailableError, suggestion
from zoo.files import MALFORMED, parse_yaml, read_text

FRONT_MATTER = "---\n"


@dataclass(frozen=True)
class Card:
    """A model card: its front matter, split into what the zoo needs, and its text."""

    name: str
    license: str
    task: str
    tags: tuple[str, ...]
    datasets: tuple[str, ...]
    source: Source | None
    files: tuple[FileRecord, ...]
    results: tuple[Result, ...]
    block: Mapping[str, Any]
    front: Mapping[str, Any] = field(repr=False)
    body: str = field(repr=False)

    @property
    def status(self) -> str:
        """`ready` when weights exist, else `recipe only`: a person must train them."""
        return "ready" if self.source else "recipe only"


def cards_dir() -> Path:
    """Return the folder that holds the model cards, in a wheel or in a checkout."""
    packaged = Path(str(files("zoo"))) / "model_cards"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "model_cards"


def split_front_matter(text: str, where: str) -> tuple[dict[str, Any], str]:
    """Split a Markdown file into its YAML front matter and its body.

    Raises:
        DataError: there is no front matter, or it is not a YAML mapping.
    """
    head, fence, body = text.removeprefix(FRONT_MATTER).partition("\n" + FRONT_MATTER)
    if not text.startswith(FRONT_MATTER) or not fence:
        raise DataError(f"{where}: no YAML front matter", "start the card with a --- … --- block")
    front = parse_yaml(head, f"{where}: front matter")
    if not isinstance(front, dict):
        raise DataError(f"{where}: front matter is not a mapping of keys")
    return front, body


def read_card(path: Path) -> Card:
    """Read one card.

    Raises:
        DataError: not UTF-8, or the front matter cannot be read; `zoo.cards.schema` says more
            about its content.
    """
    return _card(path, *_parse(path))


def _parse(path: Path) -> Parsed:
    return split_front_matter(read_text(path, MALFORMED), str(path))


def _card(path: Path, front: dict[str, Any], body: str) -> Card:
    block = front.get("rankzoo") or {}
    try:
        source = read_source(block.get("source") or {})
        records = tuple(FileRecord(**value) for value in block.get("files") or ())
        results = tuple(read_results(front.get("model-index")))
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: source, files or model-index: {error!r}", "compare with a card that works"
        ) from error
    return Card(
        name=path.stem,
        license=str(front.get("license", "unknown")),
        task=str(front.get("pipeline_tag", "")),
        tags=tuple(front.get("tags") or ()),
        datasets=tuple(front.get("datasets") or ()),
        source=source,
        files=records,
        results=results,
        block=block,
        front=front,
        body=body,
    )


@cache
def all_cards() -> Mapping[str, Card]:
    """Read the shelf: every card by name, in alphabetical order."""
    folder = cards_dir()
    paths = sorted(folder.glob("*.md"), key=lambda path: path.stem)
    found = parsed(paths, _parse)
    return {name: _card(folder / f"{name}.md", *card) for name, card in found.items()}


def find_card(name: str) -> Card:
    """Return the card called `name`.

    Raises:
        UnavailableError: there is none; the hint names the nearest ones.
    """
    cards = all_cards()
    if name in cards:
        return cards[name]
    if Path(name).is_dir():
        hint = f"rankzoo card new {name} writes one; `rankzoo list` names those that are there"
        raise UnavailableError(f"{name} is a folder, and no card of the list", hint)
    hint = suggestion(name, cards, "see `rankzoo list`", 3)
    raise UnavailableError(f"no card is called {name!r}, and no such folder exists", hint)


def select_cards(task: str = "", loss: str = "", dataset: str = "") -> list[Card]:
    """Return the cards whose task, loss and dataset contain the given words, in any case."""

    def fits(card: Card) -> bool:
        stated = (card.task, str(card.block.get("loss", "")), " ".join(card.datasets))
        return all(
            word.lower() in value.lower()
            for word, value in zip((task, loss, dataset), stated, strict=True)
        )

    return [card for card in all_cards().values() if fits(card)]
