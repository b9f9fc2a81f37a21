"""A repository of sentence-transformers comes from the Hub into `zoo.load`."""

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

import zoo
from tests.models.tiny_text import tiny_text
from zoo.models.text_encoder import write_around
from zoo.tasks import task_of_model

TEXTS = ["a red heart", "the cat of the photo"]


def test_its_texts_are_embedded_as_sentence_transformers_does(hub: Any, tmp_path: Path) -> None:
    encoder = tiny_text()
    transformer: Any = encoder.transformer
    transformer.save_pretrained(tmp_path)
    write_around(encoder, tmp_path)
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    hub.add("me/words", {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in paths})
    assert task_of_model("me/words").name == "text encoder"
    theirs = SentenceTransformer(str(tmp_path), device="cpu").encode(
        TEXTS, normalize_embeddings=True, convert_to_tensor=True
    )
    torch.testing.assert_close(
        zoo.load("me/words").embed_texts(TEXTS), theirs, atol=1e-5, rtol=1e-5
    )
