"""Weights that arrive in another shape, turned once into a model folder of the cache."""

import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from zoo.cards.model_files import CONFIG, WEIGHTS, is_intact, read_config, record_of
from zoo.cards.shelf import Card
from zoo.cards.sources import PackageSource
from zoo.files import Blame, cache_dir, read_object, staged_folder, write_json
from zoo.hub.cache import Pin, read_pin, single_writer, write_pin
from zoo.hub.download import Snapshot
from zoo.hub.package import package_folder, verified_files
from zoo.hub.pickles import read_state_dict
from zoo.hub.timm_folder import timm_folder

OPEN_CLIP_CONFIG = "open_clip_config.json"
RECORD = "rankzoo.json"
RULES = 1  # raise it when the conversion changes: older folders are then made again


def from_package(card: Card, source: PackageSource) -> Snapshot:
    """Return a package's weights: as they lie there, or converted into the cache.

    Raises:
        UnavailableError: the package is not installed.
        IntegrityError: its files are not those of the card.
    """
    installed = package_folder(source)
    paths = verified_files(installed, card.files, card.name)
    if (installed / WEIGHTS).is_file():
        return Snapshot(installed, card.name, str(source), card.files)
    weights = paths[0]
    return _once(
        f"{card.name}-{card.files[0].sha256[:16]}",
        lambda folder: timm_folder(card, weights, folder),
        Pin(card.name, str(source), ()),
    )


def with_safe_weights(found: Snapshot) -> Snapshot:
    """Return the snapshot itself, or a copy whose pickled weights became safetensors.

    Raises:
        IntegrityError: the pickle holds anything but tensors.
    """
    pickles = [record for record in found.files if record.name.endswith(".bin")]
    if not pickles:
        return found

    def convert(folder: Path) -> None:
        for record in found.files:
            if record not in pickles:
                (folder / record.name).parent.mkdir(exist_ok=True)
                shutil.copyfile(found.path / record.name, folder / record.name)
        tensors = read_state_dict(found.path / pickles[0].name)
        save_file({k: t.clone().contiguous() for k, t in tensors.items()}, folder / WEIGHTS)

    name = f"{found.repo.replace('/', '--')}-{pickles[0].sha256[:16]}"
    return _once(name, convert, Pin(found.repo, found.revision, ()))


def with_open_clip(found: Snapshot) -> Snapshot:
    """Return the snapshot, or a copy of a repository of open_clip as a folder of `config.json`.

    Raises:
        IntegrityError: a pickle holds anything but tensors.
    """
    weights = next(
        (r for r in found.files if r.name.startswith("open_clip_") and "config" not in r.name), None
    )
    if weights is None:
        return found

    def convert(folder: Path) -> None:
        for record in found.files:
            if record is not weights and record.name != CONFIG:
                (folder / record.name).parent.mkdir(exist_ok=True)
                shutil.copyfile(found.path / record.name, folder / record.name)
        if weights.name.endswith(".safetensors"):
            shutil.copyfile(found.path / weights.name, folder / WEIGHTS)
        else:
            tensors = read_state_dict(found.path / weights.name)
            save_file({k: t.clone().contiguous() for k, t in tensors.items()}, folder / WEIGHTS)
        theirs = read_object(found.path / OPEN_CLIP_CONFIG, Blame(hint="download it again"))
        write_json(folder / CONFIG, {"open_clip": theirs})

    name = f"{found.repo.replace('/', '--')}-{weights.sha256[:16]}"
    return _once(name, convert, Pin(found.repo, found.revision, ()))


def with_card_architecture(card: Card | None, found: Snapshot) -> Snapshot:
    """Return the snapshot, or a copy whose config.json names the architecture of the card.

    CLIP needs it: its repository's configuration may leave out QuickGELU.
    """
    wanted = card.block.get("architecture") if card else None
    config = read_config(found.path)
    if wanted is None or config.get("architecture", wanted) == wanted:
        return found

    def correct(folder: Path) -> None:
        shutil.copyfile(found.path / WEIGHTS, folder / WEIGHTS)
        write_json(folder / CONFIG, {**config, "architecture": wanted})

    name = f"{found.repo.replace('/', '--')}-{found.revision[:16]}-{wanted}"
    return _once(name, correct, Pin(found.repo, found.revision, ()))


def _once(name: str, write: Callable[[Path], None], origin: Pin) -> Snapshot:
    folder = cache_dir() / "converted" / f"{name}-{RULES}"
    if (done := _finished(folder)) is not None:
        return done
    with single_writer(folder):
        if (done := _finished(folder)) is not None:  # another process was first
            return done
        shutil.rmtree(folder, ignore_errors=True)
        with staged_folder(folder) as staged:
            write(staged)
            names = sorted(str(p.relative_to(staged)) for p in staged.rglob("*") if p.is_file())
            records = tuple(record_of(staged / n, n) for n in names)
            write_pin(staged / RECORD, Pin(origin.repo, origin.commit, records))
    done = _finished(folder)
    assert done is not None
    return done


def _finished(folder: Path) -> Snapshot | None:
    pin = read_pin(folder / RECORD)
    if pin is None or not all(is_intact(folder / record.name, record) for record in pin.files):
        return None
    return Snapshot(folder, pin.repo, pin.commit, pin.files)
