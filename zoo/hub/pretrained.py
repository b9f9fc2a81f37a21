"""A model in memory to a folder or to the Hub, as `huggingface_hub`'s mixin names these acts.

The folder is what `zoo.load` reads, which is their counterpart for `from_pretrained`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from zoo.errors import UsageError
from zoo.files import staged_folder
from zoo.hub.push import Pushed, push
from zoo.models import Embedder, save_embedder
from zoo.models.text_encoder import TextEncoder, save_text_encoder


def save_pretrained(model: nn.Module, save_directory: Path | str) -> Path:
    """Write config.json and model.safetensors into a new folder, all of it or nothing.

    Raises:
        UsageError: the folder exists, or the model is neither an embedder nor a text encoder.
    """
    folder = Path(save_directory)
    if not isinstance(model, Embedder | TextEncoder):
        raise UsageError(f"{type(model).__name__} is neither an Embedder nor a TextEncoder")
    with staged_folder(folder) as staged:
        if isinstance(model, Embedder):
            save_embedder(model, staged)
        else:
            save_text_encoder(model, staged)
    return folder


def push_to_hub(
    model: nn.Module,
    repo_id: str,
    *,
    license: str,  # noqa: A002
    private: bool = False,
) -> Pushed:
    """Upload a model with a card, in one commit; the licence of its weights has to be said.

    Raises:
        UsageError: not owner/name, or `private` is asked for and the repository is public.
        UnavailableError: no access, or no answer.
    """
    with TemporaryDirectory() as folder:
        saved = save_pretrained(model, Path(folder) / repo_id.rpartition("/")[2])
        return push(saved, repo_id, private=private, licence=license)
