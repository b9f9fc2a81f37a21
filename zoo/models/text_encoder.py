"""Texts as points on the unit sphere: a transformer, mean pooling, unit length."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.errors import IntegrityError, RankzooError, UsageError
from zoo.files import check_folder, one_line, parse_json, read_object, sealing, write_json
from zoo.models.pretrained import Pretrained
from zoo.models.storage import CONFIG, WEIGHTS

LONGEST = 256  # tokens; what all-MiniLM-L6-v2 was trained with, longer texts are cut
MOST_TOKENS = 2**20
TOKENISERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model")
POOLING = Path("1_Pooling") / "config.json"
LENGTH, MODULES = "sentence_bert_config.json", "modules.json"


class TextEncoder(nn.Module, Pretrained, pipeline_tag="sentence-similarity"):
    """A transformer of the BERT family; its output has unit length.

    `forward` maps token ids and their mask (text, token) to (text, dim) in float32. The
    sentence embedding is the mean of the token vectors (Reimers & Gurevych, EMNLP 2019).
    """

    FILES: ClassVar = ["*.json", "*.safetensors", "*.txt"]

    def __init__(self, transformer: nn.Module, tokenizer: Any, longest: int = LONGEST) -> None:
        super().__init__()
        self.transformer = transformer
        self.tokenizer = tokenizer
        self.longest = longest
        self.dim = int(transformer.config.hidden_size)  # type: ignore[union-attr, arg-type]

    def forward(
        self, ids: Int[Tensor, "text token"], mask: Int[Tensor, "text token"]
    ) -> Float[Tensor, "text dim"]:
        """Embed tokenised texts."""
        tokens = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        return nn.functional.normalize(mean.float(), dim=1)

    def tokenize(
        self, texts: Sequence[str]
    ) -> tuple[Int[Tensor, "text token"], Int[Tensor, "text token"]]:
        """Return ids and mask of texts, padded to the longest of them."""
        found = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        )
        return found["input_ids"], found["attention_mask"]

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[Tensor, "text dim"]:
        """Embed texts on the model's device; the order is kept."""
        return embed_texts(self, self, texts, batch_size)

    def to_json(self) -> dict[str, Any]:
        """Return what `build_text_encoder` needs beside the tokeniser's files."""
        transformer: Any = self.transformer
        config = parse_json(transformer.config.to_json_string(), "config")
        return {**config, "longest": self.longest}

    @classmethod
    def read_folder(cls, folder: Path) -> "TextEncoder":
        """Read a sentence-transformers folder; see `load_text_encoder`."""
        return load_text_encoder(folder)

    def _save_pretrained(self, save_directory: Path) -> None:
        save_text_encoder(self, save_directory)


class EmbedsTexts:
    """A network of two sides that embeds texts with `forward_texts`."""

    forward_texts: Callable[..., Tensor]

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[Tensor, "text dim"]:
        """Embed texts on the model's device; the order is kept."""
        return embed_texts(self, self.forward_texts, texts, batch_size)


@torch.inference_mode()
def embed_texts(
    model: Any,
    forward: Callable[[Tensor, Tensor], Tensor],
    texts: Sequence[str],
    batch_size: int,
) -> Float[Tensor, "text dim"]:
    """Embed texts with a model's own tokeniser and `forward`, on its device; the order is kept."""
    device = next(model.parameters()).device
    found = [torch.empty(0, model.dim)]
    for start in range(0, len(texts), batch_size):
        ids, mask = model.tokenize(texts[start : start + batch_size])
        found.append(forward(ids.to(device), mask.to(device)).cpu())
    return torch.cat(found)


def load_text_encoder(folder: Path) -> TextEncoder:
    """Read a sentence-transformers folder with mean pooling; the model is in evaluation mode.

    Raises:
        UsageError: transformers is missing.
        IntegrityError: the folder cannot be read, or pools in another way.
    """
    models, tokenizers = _transformers()
    pooling = read_json(folder / POOLING)
    if pooling and not pooling.get("pooling_mode_mean_tokens"):
        raise IntegrityError(f"{folder / POOLING}: only mean pooling is supported")
    require_tokeniser(folder)
    check_folder(folder)
    longest = _tokens(read_json(folder / LENGTH).get("max_seq_length", LONGEST), folder / LENGTH)
    with reading(folder, "not a text encoder"):
        transformer = models.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        tokenizer = tokenizers.from_pretrained(folder, local_files_only=True)
    return TextEncoder(transformer, tokenizer, longest).eval()


def build_text_encoder(config: Any, folder: Path) -> TextEncoder:
    """Build an encoder from what `TextEncoder.to_json` gave, with the tokeniser of a folder.

    Its weights are random. Raises:
        UsageError: transformers is missing.
        IntegrityError: the configuration or the tokeniser cannot be read.
    """
    models, tokenizers = _transformers()
    from transformers import AutoConfig

    require_tokeniser(folder)

    with reading(folder, "its text tower cannot be read"):
        kinds = dict(config)
        longest = _tokens(kinds.pop("longest"), folder / CONFIG)
        known = AutoConfig.for_model(**kinds)
        transformer = models.from_config(known)
        tokenizer = tokenizers.from_pretrained(folder, config=known, local_files_only=True)
    return TextEncoder(transformer, tokenizer, longest)


def save_text_encoder(model: TextEncoder, folder: Path) -> None:
    """Write the folder that `load_text_encoder` and sentence-transformers read."""
    with sealing(folder) as names:
        with quiet_transformers():
            model.transformer.save_pretrained(folder)  # type: ignore[operator]
        names.update((CONFIG, WEIGHTS, *write_around(model, folder)))


def write_around(model: TextEncoder, folder: Path) -> list[str]:
    """Write what sentence-transformers reads beside configuration and weights; return the names."""
    (folder / POOLING.parent).mkdir(parents=True, exist_ok=True)
    written = save_tokeniser(model.tokenizer, folder)
    pooling = {"word_embedding_dimension": model.dim, "pooling_mode_mean_tokens": True}
    write_json(folder / POOLING, pooling)
    write_json(folder / LENGTH, {"max_seq_length": model.longest})
    kinds = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    prefix = "sentence_transformers.models."
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": prefix + kind}
        for i, (path, kind) in enumerate(zip(paths, kinds, strict=True))
    ]
    write_json(folder / MODULES, modules)
    return [*written, POOLING.as_posix(), LENGTH, MODULES]


def save_tokeniser(tokenizer: Any, folder: Path) -> list[str]:
    """Write a tokeniser's files, and return the names of those that were written."""
    written = (Path(name) for name in tokenizer.save_pretrained(folder))
    return [path.name for path in written if path.is_file()]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from drawing bars of its own on stderr."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


@contextmanager
def reading(folder: Path, failed: str) -> Iterator[None]:
    """Make one line of whatever transformers raises about a folder: its kinds have no common root.

    Raises:
        IntegrityError: naming the folder, what `failed`, and what was said.
    """
    try:
        with quiet_transformers():
            yield
    except (RankzooError, MemoryError):
        raise
    except Exception as error:
        raise IntegrityError(f"{folder}: {failed} ({one_line(error)})") from error


def _tokens(value: Any, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_TOKENS:
        raise IntegrityError(f"{path}: {value!r} is no number of tokens (1 to {MOST_TOKENS})")
    return value


def require_tokeniser(folder: Path) -> None:
    """Raise `IntegrityError` where transformers would make up a tokeniser without words."""
    if not any((folder / name).is_file() for name in TOKENISERS):
        raise IntegrityError(
            f"{folder}: not a text encoder, it has no tokeniser ({', '.join(TOKENISERS)})"
        )


def _transformers() -> tuple[Any, Any]:
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise UsageError(
            "text encoders need transformers", "pip install 'rankzoo[captions]'"
        ) from error
    return AutoModel, AutoTokenizer


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an absent file is an empty one."""
    if not path.is_file():
        return {}
    return read_object(path)
