"""Letters as sixteen fonts draw them: instance retrieval with about 1,400 classes, as in Omniglot.

A class is a Latin, Greek or Cyrillic letter (á and A are two classes), an image is one font's
drawing of it; above it stand the letter without case and marks, and the script. Half of the letters
(with their cases and marks) are held out: there four fonts ask and twelve answer, in the other half
all train. Letters that look alike in two scripts (Latin A, Greek Alpha) are different classes: no
model finds everything.

The fonts are those of thirteen Debian packages, under free licences (OFL, Apache, GPL with the font
exception, Bitstream Vera); they are read where Debian puts them and nothing of them comes with
rankzoo.
"""

import re
import unicodedata
from collections import Counter
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from zoo.data.dataset import ImageDataset, Item, Skipped
from zoo.data.drawn import Drawing, Drawn, held_out_classes, installed
from zoo.files import sha256_of

SOURCE = Path("/usr/share/fonts")
# One face of each kind: upright, slanted, bold, monospaced, with and without serifs, round, thin.
FACES = {
    "truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core",
    "truetype/dejavu/DejaVuSerif-Bold.ttf": "fonts-dejavu-core",
    "truetype/liberation/LiberationMono-Regular.ttf": "fonts-liberation",
    "truetype/liberation/LiberationSerif-Italic.ttf": "fonts-liberation",
    "truetype/freefont/FreeSerif.ttf": "fonts-freefont-ttf",
    "truetype/freefont/FreeMono.ttf": "fonts-freefont-ttf",
    "truetype/noto/NotoSans-Regular.ttf": "fonts-noto-core",
    "truetype/charis/CharisSIL-Italic.ttf": "fonts-sil-charis",
    "truetype/andika/Andika-Regular.ttf": "fonts-sil-andika",
    "truetype/cmu/cmunbi.ttf": "fonts-cmu",
    "truetype/roboto/unhinted/RobotoTTF/Roboto-Light.ttf": "fonts-roboto-unhinted",
    "truetype/comfortaa/Comfortaa-Regular.ttf": "fonts-comfortaa",
    "opentype/jura/Jura-Regular.otf": "fonts-jura",
    "truetype/fonts-oldstandard/OldStandard-Regular.ttf": "fonts-oldstandard",
    "opentype/ebgaramond/EBGaramond12-Italic.otf": "fonts-ebgaramond",
    "opentype/linux-libertine/LinBiolinum_RB.otf": "fonts-linuxlibertine",
}
ASKING = frozenset(list(FACES)[3::4])  # slanted with serifs (two), round, bold
LEAST = 8  # of the fonts have to draw a letter, so that a class has as many images
_PLAIN = ImageFont.Layout.BASIC  # letters alone, the same with and without Raqm
_LETTER = re.compile(r"(LATIN|GREEK|CYRILLIC) (?:SMALL |CAPITAL )?LETTER (.+?)(?: WITH .+)?")


def build_glyphs(
    folder: Path, *, source: Path = SOURCE, seed: int = 0, size: int = 48
) -> ImageDataset:
    """Draw the letters black on white into `folder`, or take them from there.

    The labels are the letter's Unicode name, the name without case and marks, and the script; the
    caption is the name. `seed` chooses the half of the letters that is held out; `size` is the side
    of the images in pixels.

    Raises:
        DataError: a font is not installed.
        UsageError: `folder` holds something else.
    """
    packages = sorted(set(FACES.values()))
    faces = [installed(source / face, "a font of the set", *packages) for face in FACES]
    settings = {"seed": seed, "size": size, "fonts": {f.name: sha256_of(f) for f in faces}}
    return Drawn("glyphs", settings, 3).into(folder, lambda out: _draw(out, faces, seed, size))


def labels_of(character: str) -> tuple[str, str, str] | None:
    """Return a letter's name, that without case and marks, and its script; None for others.

    >>> labels_of("Á")
    ('latin capital letter a with acute', 'latin a', 'latin')
    """
    name = unicodedata.name(character, "")
    found = _LETTER.fullmatch(name)
    if found is None or not unicodedata.category(character).startswith("L"):
        return None
    script, letter = (part.lower() for part in found.groups())
    return name.lower(), f"{script} {letter}", script


def letters_of(face: Path) -> set[str]:
    """Return the letters that a font has a drawing of, by its own table."""
    from matplotlib.ft2font import FT2Font

    drawn = {chr(code) for code, index in FT2Font(str(face)).get_charmap().items() if index}
    return {character for character in drawn if labels_of(character) is not None}


def draw_letter(character: str, font: ImageFont.FreeTypeFont, size: int) -> Image.Image:
    """Return a letter on its base line, in the middle of a white square of `size` pixels."""
    page = Image.new("L", (size, size), 255)
    ImageDraw.Draw(page).text((size / 2, 0.7 * size), character, fill=0, font=font, anchor="ms")
    return page


def _draw(out: Path, faces: list[Path], seed: int, size: int) -> Drawing:
    letters = {face: letters_of(face) for face in faces}
    counts = Counter(character for drawn in letters.values() for character in drawn)
    kept = {c: labels for c in sorted(counts) if counts[c] >= LEAST and (labels := labels_of(c))}
    held_out = held_out_classes([labels[1] for labels in kept.values()], seed=seed)
    left_out = [Skipped(f"{len(counts) - len(kept)} letters", f"in fewer than {LEAST} fonts")]
    items: list[Item] = []
    for face in faces:
        there = {c: labels for c, labels in kept.items() if c in letters[face]}
        (out / face.stem).mkdir()
        font = ImageFont.truetype(str(face), round(0.6 * size), layout_engine=_PLAIN)
        side = "query" if any(face.match(f"*/{asking}") for asking in ASKING) else "gallery"
        for character, labels in there.items():
            path = out / face.stem / f"{ord(character):04x}.png"
            draw_letter(character, font, size).save(path)
            split = side if labels[1] in held_out else "train"
            items.append(Item(path, labels, split, (labels[0],)))
        lacking = f"lacks {len(kept) - len(there)} of the {len(kept)} letters"
        left_out.append(Skipped(face.name, lacking))
    return items, left_out
