"""What a card must say; every problem is found at once, each as one line."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from zoo.cards.licences import KNOWN
from zoo.cards.names import COMMIT, parse_hub_name
from zoo.cards.shelf import Card
from zoo.cards.sources import AT_FIRST_DOWNLOAD, HubSource
from zoo.errors import nearest

KEYS = {"license", "license_name", "license_link", "library_name", "pipeline_tag", "tags"}
KEYS |= {"datasets", "metrics", "base_model", "model-index", "language", "rankzoo"}
BLOCK_KEYS = {"source", "files", "architecture", "transform", "recipe", "loss", "protocol"}
BLOCK_KEYS |= {"base_revision", "version", "weights_sha256"}
TASKS = {"image-feature-extraction", "image-classification", "object-detection"}
TASKS |= {"sentence-similarity", "feature-extraction", "zero-shot-image-classification", "other"}
INTERPOLATIONS = {"bilinear", "bicubic", "nearest"}
PROVENANCE = {"measured": ("command", "seed", "date"), "quoted": ("source",)}
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


def problems(card: Card, recipes: Collection[str] | None = None) -> list[str]:
    """Return what is wrong with a card, one line each; `recipes` are the names that exist."""
    checks: tuple[Callable[[Card], Iterator[str]], ...] = (
        _front,
        _block,
        _source,
        _files,
        _transform,
        _results,
    )
    found = [line for check in checks for line in check(card)]
    recipe = card.block.get("recipe")
    if recipes is not None and recipe is not None and recipe not in recipes:
        found.append(f"recipe: no recipe is called {recipe!r}{_near(recipe, recipes)}")
    return found


def _front(card: Card) -> Iterator[str]:
    front = card.front
    yield from _unknown(front, KEYS, "")
    if card.license not in KNOWN:
        yield f"license: {card.license!r} is unknown{_near(card.license, KNOWN)}"
    if card.license == "other" and not {"license_name", "license_link"} & front.keys():
        yield "license: other needs license_name or license_link"
    if front.get("library_name") != "rankzoo":
        yield "library_name: must be rankzoo"
    if card.task not in TASKS:
        yield f"pipeline_tag: {card.task!r} is unknown{_near(card.task, TASKS)}"
    for key in ("tags", "datasets", "metrics"):
        value = front.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            yield f"{key}: must be a list of words"
    if not card.body.lstrip().startswith("# "):
        yield "text: must start with a heading"


def _block(card: Card) -> Iterator[str]:
    yield from _unknown(card.block, BLOCK_KEYS, "rankzoo.")
    if card.source is None and not card.block.get("recipe"):
        yield "rankzoo: neither a source of weights nor a recipe to train them"
    if card.source is not None and not card.block.get("architecture"):
        yield "rankzoo.architecture: missing"


def _source(card: Card) -> Iterator[str]:
    if not isinstance(card.source, HubSource):
        return
    if parse_hub_name(card.source.repo) is None:
        yield f"rankzoo.source.repo: {card.source.repo!r} is not owner/name"
    stated = card.block["source"].get("revision")
    if stated != AT_FIRST_DOWNLOAD and not COMMIT.match(str(stated)):
        yield f"rankzoo.source.revision: 40 hexadecimal digits, or {AT_FIRST_DOWNLOAD}"


def _files(card: Card) -> Iterator[str]:
    unpinned = isinstance(card.source, HubSource) and card.source.revision is None
    if card.source is not None and not unpinned and not card.files:
        yield "rankzoo.files: a fixed source needs its files with size and sha256"
    for record in card.files:
        if not _SHA256.match(str(record.sha256)):
            yield f"rankzoo.files: sha256 of {record.name} is not 64 hexadecimal digits"
        if not isinstance(record.size, int) or record.size <= 0:
            yield f"rankzoo.files: size of {record.name} is not a number of bytes"


def _transform(card: Card) -> Iterator[str]:
    transform = card.block.get("transform")
    if transform is None:
        return
    if not _numbers(transform.get("input_size"), 3, whole=True):
        yield "rankzoo.transform.input_size: must be [channels, height, width]"
    for key in ("mean", "std"):
        if not _numbers(transform.get(key), 3):
            yield f"rankzoo.transform.{key}: must be three numbers"
    if transform.get("interpolation") not in INTERPOLATIONS:
        yield f"rankzoo.transform.interpolation: must be one of {sorted(INTERPOLATIONS)}"
    crop = transform.get("crop_pct")
    if not isinstance(crop, int | float) or not 0 < crop <= 1:
        yield "rankzoo.transform.crop_pct: must be a share between 0 and 1"


def _results(card: Card) -> Iterator[str]:
    for result in card.results:
        name = f"model-index {result.dataset} {result.metric}"
        if isinstance(result.value, bool) or not isinstance(result.value, int | float):
            yield f"{name}: {result.value!r} is not a number"
        if not result.protocol:
            yield f"{name}: protocol is missing"
        if result.provenance not in PROVENANCE:
            yield f"{name}: provenance must be one of {sorted(PROVENANCE)}"
        for key in PROVENANCE.get(result.provenance, ()):
            if result.args.get(key) in (None, ""):
                yield f"{name}: a {result.provenance} number needs {key}"


def _unknown(value: Mapping[str, Any], known: Collection[str], prefix: str) -> Iterator[str]:
    for key in sorted(value.keys() - set(known)):
        yield f"{prefix}{key}: unknown key{_near(key, known)}"


def _near(word: Any, known: Collection[str]) -> str:
    near = nearest(str(word), sorted(known))
    return f", did you mean {near[0]!r}?" if near else ""


def _numbers(value: Any, count: int, *, whole: bool = False) -> bool:
    kinds = int if whole else (int, float)
    return (
        isinstance(value, list) and len(value) == count and all(isinstance(n, kinds) for n in value)
    )
