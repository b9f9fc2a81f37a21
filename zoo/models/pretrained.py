"""Models that go to a folder or to the Hub and come back as `huggingface_hub`'s mixin says.

`zoo.load` and `rankzoo push` are the careful way (cards, pinned revisions, hashes, retries); these
methods are for code that treats every model alike.
"""

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from huggingface_hub import PyTorchModelHubMixin, snapshot_download

from zoo.errors import UsageError

T = TypeVar("T", bound="Pretrained")


class Pretrained(PyTorchModelHubMixin, library_name="rankzoo"):
    """The mixin over this zoo's own folders.

    FILES: patterns of what a repository of such a model has to hold.
    """

    FILES: ClassVar[list[str]]

    @classmethod
    def read_folder(cls, folder: Path) -> "Pretrained":
        """Read a model in evaluation mode."""
        raise NotImplementedError

    @classmethod
    def from_pretrained(
        cls: type[T],
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        **model_kwargs: Any,
    ) -> T:
        """Read a folder or a repository of the Hub, in evaluation mode, on `map_location`.

        Raises:
            UsageError: another keyword than the mixin's.
            UnavailableError, IntegrityError: the files are missing, damaged or another model's.
        """
        device = model_kwargs.pop("map_location", "cpu")
        model_kwargs.pop("strict", None)  # weights always have to fit
        if model_kwargs:
            raise UsageError(f"{cls.__name__}.from_pretrained takes no {', '.join(model_kwargs)}")
        folder = Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            found = snapshot_download(
                str(pretrained_model_name_or_path),
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                token=token,
                local_files_only=local_files_only,
                allow_patterns=cls.FILES,
            )
            folder = Path(found)
        model: Any = cls.read_folder(folder)
        placed: T = model.to(device)
        return placed
