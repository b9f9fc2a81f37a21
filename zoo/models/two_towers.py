"""An image network and a text encoder that were trained together, as one model in one folder.

The text encoder is a transformer, or reads vectors of words (`zoo.models.word_encoder`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.models.backbone import load_strictly
from zoo.models.config import EmbedderConfig
from zoo.models.embedder import Embedder
from zoo.models.storage import CONFIG, parse_config, read_weights, write_model
from zoo.models.tensor_names import OURS, for_timm, in_memory, on_disk
from zoo.models.text_encoder import (
    TextEncoder,
    build_text_encoder,
    read_json,
    write_around,
)
from zoo.models.two_sides import PretrainedSides
from zoo.models.word_encoder import NAME, WordEncoder, build_word_encoder

KEY = "two_towers"  # of config.json
WORD_TENSORS = f"{OURS}text."  # before an encoder of words' tensors, in the file


@dataclass(frozen=True)
class TwoTowersConfig:
    """What, beside the weights, decides an embedding.

    text: a transformer's configuration as `transformers` writes it, and `longest`, the tokens
    that it reads of a text; or the sizes of an encoder of words.
    """

    image: EmbedderConfig
    text: Mapping[str, Any]

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the network's input."""
        return self.image.preprocessing

    def to_json(self) -> dict[str, Any]:
        """Return the content of `config.json`: the image network's, and the text tower's."""
        return {**self.image.to_json(), KEY: dict(self.text)}


class TwoTowers(PretrainedSides):
    """An `Embedder`, and a `TextEncoder` or a `WordEncoder`.

    Raises:
        UsageError: the towers have other widths.
    """

    def __init__(self, image: Embedder, text: TextEncoder | WordEncoder) -> None:
        super().__init__()
        if image.dim != text.dim:
            raise UsageError(
                f"network.dim: the images have {image.dim} dimensions, the texts {text.dim}",
                f"--set network.dim={text.dim}",
            )
        self.image, self.text = image, text
        self.config = TwoTowersConfig(image.config, text.to_json())
        self.dim = image.dim

    @property
    def backbone(self) -> nn.ModuleDict:
        """What was trained before: the image network without its head, and a transformer."""
        towers = nn.ModuleDict({"image": self.image.backbone})
        if isinstance(self.text, TextEncoder):
            towers["text"] = self.text.transformer
        return towers

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed a batch of normalised images."""
        found: Tensor = self.image(images)
        return found

    def forward_texts(
        self, ids: Int[Tensor, "text token"], mask: Int[Tensor, "text token"]
    ) -> Float[Tensor, "text dim"]:
        """Embed tokenised texts."""
        found: Tensor = self.text(ids, mask)
        return found

    def tokenize(
        self, texts: Sequence[str]
    ) -> tuple[Int[Tensor, "text token"], Int[Tensor, "text token"]]:
        """Return ids and mask of texts, padded to the longest of them."""
        return self.text.tokenize(texts)

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[Tensor, "text dim"]:
        """Embed texts on the model's device; the order is kept."""
        return self.text.embed_texts(texts, batch_size)

    @classmethod
    def read_folder(cls, folder: Path) -> "TwoTowers":
        """Read a folder that `save_two_towers` wrote."""
        return load_two_towers(folder)

    def _save_pretrained(self, save_directory: Path) -> None:
        save_two_towers(self, save_directory)


def load_two_towers(folder: Path) -> TwoTowers:
    """Read a folder that `save_two_towers` wrote; the model is in evaluation mode.

    Raises:
        UsageError: transformers is missing.
        UnavailableError, IntegrityError: a file is missing, damaged, or of another model.
    """
    value, state = read_json(folder / CONFIG), read_weights(folder)
    image = Embedder(parse_config(value, folder))
    model = TwoTowers(image, _text_side(value.get(KEY), folder, state))
    load_strictly(model, _in_memory(state, *_prefixes(model.text)))
    return model.eval()


def save_two_towers(model: TwoTowers, folder: Path) -> None:
    """Write one folder of both towers: timm opens the one, sentence-transformers the other.

    Each takes its own tensors by its own names from `model.safetensors`, and its own keys from
    `config.json`.
    """
    here, there = _prefixes(model.text)
    image = on_disk(model.image.state_dict())
    texts = {k: v for k, v in model.state_dict().items() if k.startswith(here)}
    text = {there + k.removeprefix(here): v for k, v in texts.items()}
    ours = for_timm(model.config.to_json())
    if isinstance(model.text, WordEncoder):
        write_model(folder, {**image, **text}, ours, model.text.write_around(folder))
        return
    written = write_around(model.text, folder)
    write_model(folder, {**image, **text}, {**model.text.to_json(), **ours}, written)


def _text_side(config: Any, folder: Path, state: Mapping[str, Tensor]) -> TextEncoder | WordEncoder:
    if isinstance(config, Mapping) and config.get("model_type") == NAME:
        return build_word_encoder(config, folder, state.get(f"{WORD_TENSORS}table"))
    return build_text_encoder(config, folder)


def _prefixes(text: TextEncoder | WordEncoder) -> tuple[str, str]:
    """Return what stands before the text tower's tensors in memory, and in the file.

    In the file it is what `transformers` puts there when a model is part of another.
    """
    if isinstance(text, WordEncoder):
        return "text.", WORD_TENSORS
    return "text.transformer.", f"{text.transformer.base_model_prefix}."


def _in_memory(state: Mapping[str, Tensor], here: str, there: str) -> dict[str, Tensor]:
    """Return tensors by the names that they have in the model; earlier folders have those."""
    if any(name.startswith("image.backbone.") for name in state):
        return dict(state)
    text = {k: v for k, v in state.items() if k.startswith(there)}
    image = in_memory({k: v for k, v in state.items() if k not in text})
    return {f"image.{k}": v for k, v in image.items()} | {
        here + k.removeprefix(there): v for k, v in text.items()
    }
