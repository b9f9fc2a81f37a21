"""A text tower of ours in sentence-transformers' own hands: the same vectors."""

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from tests.models.tiny_text import tiny_text
from zoo.files import FOLDER_SEAL
from zoo.models import Embedder, EmbedderConfig
from zoo.models.storage import write_weights
from zoo.models.text_encoder import TextEncoder, save_text_encoder
from zoo.models.two_towers import TwoTowers, save_two_towers

TEXTS = ["a red heart", "the dog", "heart"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library's own


@pytest.fixture
def towers() -> TwoTowers:
    torch.manual_seed(0)
    image = Embedder(EmbedderConfig("test_resnet", pooling="avg", dim=32)).eval()
    return TwoTowers(image, tiny_text()).eval()


def vectors(name: Any) -> torch.Tensor:
    from sentence_transformers import SentenceTransformer

    found: Any = SentenceTransformer(str(name), device="cpu")
    return torch.from_numpy(found.encode(TEXTS))


def test_the_text_tower_of_a_run_gives_equal_vectors(towers: TwoTowers, tmp_path: Path) -> None:
    save_two_towers(towers, tmp_path)
    torch.testing.assert_close(vectors(tmp_path), towers.embed_texts(TEXTS))


def test_a_text_encoder_gives_equal_vectors_here_and_there(
    towers: TwoTowers, own_hub: Any, tmp_path: Path
) -> None:
    assert isinstance(towers.text, TextEncoder)
    save_text_encoder(towers.text, tmp_path)
    expected = towers.text.embed_texts(TEXTS)
    torch.testing.assert_close(vectors(tmp_path), expected)
    files = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.*")}
    own_hub.add("sentence-transformers/tiny", files)
    torch.testing.assert_close(vectors("sentence-transformers/tiny"), expected)
    loaded = zoo.load("sentence-transformers/tiny")
    torch.testing.assert_close(loaded.embed_texts(TEXTS), expected)


def test_two_towers_written_before_are_read(towers: TwoTowers, tmp_path: Path) -> None:
    save_two_towers(towers, tmp_path)
    write_weights(tmp_path / "model.safetensors", towers.state_dict())
    (tmp_path / FOLDER_SEAL).unlink()  # older still: without a seal
    again = zoo.load(str(tmp_path))
    torch.testing.assert_close(again.embed_texts(TEXTS), towers.embed_texts(TEXTS))
