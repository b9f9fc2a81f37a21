"""Images packed many to a file: WebDataset's tars and Parquet, unpacked a file at a time."""

import logging
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.data.datasets.hub_folder import unpack
from zoo.data.images import SUFFIXES
from zoo.data.item import Item
from zoo.errors import DataError
from zoo.files import Blame, as_object, is_there, parse_json

logger = logging.getLogger("rankzoo")

TAR, PARQUET = ".tar", ".parquet"
HINT = "a sample is key.jpg beside key.txt, key.cls or key.json (WebDataset)"
LARGEST = 2**30  # bytes of a packed file's member: an image is a few megabytes
Sample = dict[str, bytes]


def packs_in(path: Path) -> list[Path]:
    """Return the packed files that a path names or a folder holds, in order of their names."""
    if path.suffix.lower() in (TAR, PARQUET) and path.is_file():
        return [path]
    return sorted(p for kind in (TAR, PARQUET) for p in path.glob(f"*{kind}") if p.is_file())


def unpacked(pack: Path, folder: Path) -> tuple[list[Item], tuple[str, ...]]:
    """Unpack the images of one file into `folder`; return items and the names of their levels.

    Raises:
        DataError: it cannot be read, holds no image, or labels for some images only.
        UsageError: Parquet lacks pyarrow.
    """
    folder.mkdir(parents=True)
    found = _from_tar(pack, folder) if pack.suffix.lower() == TAR else unpack(pack, folder)
    items = list(found)
    if not items:
        raise DataError(f"{pack}: holds no image", HINT)
    depths = {len(item.labels) for item in items}
    if len(depths) > 1:
        raise DataError(f"{pack}: some images have a label, others none", HINT)
    return items, ("label", "label_level_2")[: depths.pop()]


def _from_tar(pack: Path, folder: Path) -> Iterator[Item]:
    others: dict[str, int] = {}
    for key, sample in _samples(pack):
        suffix = next((s for s in sample if s in SUFFIXES), None)
        for name in sample.keys() - {suffix, ".txt", ".cls", ".json"}:
            others[name] = others.get(name, 0) + 1
        if suffix is None:
            raise DataError(f"{pack}: the sample {key!r} has no image", HINT)
        target = folder / (key.replace("/", "_") + suffix)
        if is_there(target):
            raise DataError(f"{pack}: two samples are called {key!r}", HINT)
        try:
            target.write_bytes(sample[suffix])
        except OSError as error:
            raise DataError(f"{pack}: the sample {key[:60]!r}: {error.strerror}", HINT) from error
        yield _item(f"{pack}: {key}.json", target, sample)
    for name, count in others.items():
        logger.warning("%s: %d members *%s are left out", pack, count, name)


def _samples(pack: Path) -> Iterator[tuple[str, Sample]]:
    """Yield neighbours of one name up to the first dot, as WebDataset does."""
    key, sample = "", Sample()
    try:
        with tarfile.open(pack) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if not member.isfile() or path.name.startswith("."):
                    continue
                if member.size > LARGEST:
                    raise DataError(f"{pack}: {member.name} has {member.size} bytes")
                stem, _, rest = path.name.partition(".")
                here = str(path.with_name(stem))
                if here != key and sample:
                    yield key, sample
                    sample = {}
                key, file = here, tar.extractfile(member)
                sample[f".{rest.lower()}"] = file.read() if file else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{pack}: cannot be read: {error}", "copy it again") from error
    if sample:
        yield key, sample


def _item(where: str, image: Path, sample: Sample) -> Item:
    known = _object(where, sample.get(".json", b"{}"))
    text = _text(where, sample[".txt"]) if ".txt" in sample else known.pop("caption", None)
    label = _text(where, sample[".cls"]) if ".cls" in sample else known.pop("label", None)
    extra = {k: str(v) for k, v in known.items() if isinstance(v, str | int | float)}
    if nested := [k for k in known if isinstance(known[k], list | dict)]:
        logger.warning("%s: left out, neither text nor numbers: %s", where, ", ".join(nested))
    captions, labels = (
        () if value is None or not str(value).strip() else (str(value).strip(),)
        for value in (text, label)
    )
    return Item(image, labels, captions=captions, extra=extra)


def _object(where: str, content: bytes) -> dict[str, Any]:
    blame = Blame(DataError, HINT)
    return as_object(parse_json(content, where, blame), where, blame)


def _text(where: str, content: bytes) -> str:
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: a text of the sample is not UTF-8", HINT) from error
