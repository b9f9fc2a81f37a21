"""A randomly initialised encoder of a dozen words."""

import torch

from zoo.data.word_vectors import WordVectors
from zoo.models.word_encoder import WordEncoder, WordEncoderConfig

WORDS = ("a", "the", "red", "green", "blue", "heart", "square", "dog", "cat", "face", "of", "<unk>")
VECTORS = WordVectors(WORDS, torch.randn(12, 8, generator=torch.Generator().manual_seed(0)))


def tiny_words(width: int = 16) -> WordEncoder:
    """Return an encoder in evaluation mode."""
    torch.manual_seed(0)
    return WordEncoder(VECTORS, WordEncoderConfig(width, layers=2)).eval()


def as_text() -> str:
    """The same vectors as a file of lines."""
    rows = zip(VECTORS.words, VECTORS.table.tolist(), strict=True)
    return "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows)
