"""Texts as points on the unit sphere: fixed vectors of words, read by simple recurrent units."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.data.word_vectors import UNKNOWN, WordVectors
from zoo.errors import IntegrityError, UsageError
from zoo.files import read_object, typed, write_json
from zoo.models.bounds import refuse_larger
from zoo.models.config import WIDEST
from zoo.models.sru import SRU
from zoo.models.storage import CONFIG, WEIGHTS
from zoo.models.text_encoder import embed_texts

NAME = "sru"  # of this encoder, in recipes and in config.json
WORDS = "words.json"
LONGEST = 256  # tokens; longer texts are cut
DEEPEST = 64  # layers; the paper has 4
FEW = 8  # unknown words that are named at once
logger = logging.getLogger("rankzoo")
_TOKEN = re.compile(
    r"\w+(?=n't\b)|n't\b|'(?:s|m|d|re|ve|ll)\b|\d+(?:[.,:]\d+)*\w*|\w+(?:-\w+)*|[^\w\s]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class WordEncoderConfig:
    """The width of the states, the layers, the share of them that is dropped while training."""

    width: int
    layers: int = 4
    dropout: float = 0.25

    def __post_init__(self) -> None:
        if not 1 <= self.width <= WIDEST or not 1 <= self.layers <= DEEPEST:
            limits = f"1 to {DEEPEST} layers of 1 to {WIDEST} units"
            raise UsageError(f"{self.layers} layers of {self.width} units", limits)
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout={self.dropout} is no share", "a number from 0, below 1")


class WordEncoder(nn.Module):
    """The words' vectors, layers of simple recurrent units, the last word's state at unit length.

    Engilberge et al., Finding beans in burgers, CVPR 2018. The vectors stay as they are. `forward`
    maps places of words and their mask (text, token), padded at the end, to (text, dim).
    """

    table: Tensor

    def __init__(self, vectors: WordVectors, config: WordEncoderConfig) -> None:
        super().__init__()
        self.config, self.dim, self.words = config, config.width, vectors.words
        self.places = {word: place for place, word in enumerate(vectors.words)}
        self.unknown = next(self.places[word] for word in UNKNOWN if word in self.places)
        self.register_buffer("table", vectors.table)
        self._named: set[str] = set()  # words without a vector that were named to the user
        self.sru = SRU(vectors.table.shape[1], config.width, config.layers, config.dropout)

    def forward(
        self, ids: Int[Tensor, "text token"], mask: Int[Tensor, "text token"]
    ) -> Float[Tensor, "text dim"]:
        """Embed tokenised texts."""
        states = self.sru(nn.functional.embedding(ids, self.table))
        texts = torch.arange(len(ids), device=ids.device)
        return nn.functional.normalize(states[texts, mask.sum(dim=1) - 1].float(), dim=1)

    def tokenize(
        self, texts: Sequence[str]
    ) -> tuple[Int[Tensor, "text token"], Int[Tensor, "text token"]]:
        """Return places of words and their mask; a text without any is one unknown word."""
        rows = [[self.place(word) for word in words_of(text)[:LONGEST]] for text in texts]
        rows = [row or [self.unknown] for row in rows]
        longest = max(map(len, rows), default=1)
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=torch.int64)
        lengths = torch.tensor([len(row) for row in rows])
        mask = torch.arange(longest) < lengths[:, None]
        return ids.reshape(len(rows), longest), mask.long()

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Float[Tensor, "text dim"]:
        """Embed texts on the encoder's device; the order is kept, unknown words are named."""
        self.name_unknown(texts)
        return embed_texts(self, self, texts, batch_size)

    def place(self, word: str) -> int:
        """Return a word's row of the table: as it is written, else in small letters, else unknown.

        The vectors of one file may know `Paris`, those of another only `paris`.
        """
        return self.places.get(word, self.places.get(word.lower(), self.unknown))

    def name_unknown(self, texts: Iterable[str]) -> int:
        """Say which words have no vector, each once; return how many distinct words do have one."""
        words = {word: self.place(word) for text in set(texts) for word in words_of(text)}
        unknown = sorted(word for word, place in words.items() if place == self.unknown)
        if fresh := [word for word in unknown if word not in self._named]:
            self._named.update(fresh)
            few = ", ".join(fresh[:FEW]) + (", …" if len(fresh) > FEW else "")
            share = f"{len(unknown):,} of {len(words):,} different words"
            logger.info(f"{share} have no vector, and share one: {few}")
        return len(words) - len(unknown)

    def to_json(self) -> dict[str, Any]:
        """Return what `build_word_encoder` needs beside the words and the weights."""
        return {"model_type": NAME, **asdict(self.config)}

    def write_around(self, folder: Path) -> list[str]:
        """Write the words; return the file's name."""
        write_json(folder / WORDS, {"words": list(self.words)})
        return [WORDS]


def words_of(text: str) -> list[str]:
    """Return a text's words and signs, parted as the Penn Treebank's are, as vectors know them.

    >>> words_of("A dog's sun-bleached toy (12.5 cm) doesn't roll.")
    ['A', 'dog', "'s", 'sun-bleached', 'toy', '(', '12.5', 'cm', ')', 'does', "n't", 'roll', '.']
    """
    return _TOKEN.findall(text.replace("\u2019", "'"))


def build_word_encoder(
    config: Mapping[str, Any], folder: Path, table: Float[Tensor, "word width"] | None
) -> WordEncoder:
    """Build an encoder from what `to_json` and `write_around` gave; its layers are random.

    Raises:
        IntegrityError: the folder's words are missing, or do not belong to the table.
    """
    sizes = {key: value for key, value in config.items() if key != "model_type"}
    try:
        known = typed(WordEncoderConfig, sizes, folder / CONFIG)
    except UsageError as error:
        raise IntegrityError(f"{folder / CONFIG}: {error}") from error
    path = folder / WORDS
    if not path.is_file():
        raise IntegrityError(f"{path} is missing", "download or train again")
    words = typed(_Words, read_object(path), path).words
    distinct = set(words)
    if table is None or table.ndim != 2 or len(table) != len(words) or len(distinct) < len(words):
        raise IntegrityError(f"{path} and the table of vectors do not belong together")
    if not distinct & set(UNKNOWN):
        raise IntegrityError(f"{path}: no word stands for unknown ones ({', '.join(UNKNOWN)})")
    vectors = WordVectors(words, table.float())  # as all of a network that is kept in half
    refuse_larger(lambda: WordEncoder(vectors, known), folder / WEIGHTS)
    return WordEncoder(vectors, known)


@dataclass(frozen=True)
class _Words:
    words: tuple[str, ...]
