"""Texts read by simple recurrent units over fixed vectors of words, alone and beside images."""

import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from tests.models.coming_back import assert_comes_back
from tests.models.tiny_words import VECTORS, tiny_words
from zoo.data.synthetic.glyphs import glyphs, rasterise
from zoo.data.word_vectors import WordVectors
from zoo.errors import IntegrityError, UsageError
from zoo.files import FOLDER_SEAL
from zoo.models import Embedder, EmbedderConfig
from zoo.models.storage import WEIGHTS, read_weights, write_weights
from zoo.models.two_towers import TwoTowers, load_two_towers, save_two_towers
from zoo.models.word_encoder import LONGEST, WORDS, WordEncoder, WordEncoderConfig, words_of

TEXTS = ["a red heart", "the dog", "", "a ZYZZYVA", "Red"]


@pytest.fixture
def model() -> TwoTowers:
    torch.manual_seed(0)
    config = EmbedderConfig("test_resnet", pooling="weldon", maps=12, dropout=0.5, dim=16)
    return TwoTowers(Embedder(config), tiny_words()).eval()


def test_words_and_signs_are_parted_as_the_treebank_does() -> None:
    assert words_of("I can't; we'd 2.5 T-shirts.") == (
        ["I", "ca", "n't", ";", "we", "'d", "2.5", "T-shirts", "."]
    )
    assert words_of("a dog\u2019s 'bone'") == ["a", "dog", "'s", "'", "bone", "'"]


def test_a_word_is_sought_as_it_is_written_then_in_small_letters() -> None:
    table = torch.eye(3)
    encoder = WordEncoder(WordVectors(("Red", "red", "UNK"), table), WordEncoderConfig(4))
    ids, mask = encoder.tokenize(["Red red RED blue", ""])
    assert ids.tolist() == [[0, 1, 1, 2], [2, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]


def test_a_text_has_the_same_vector_alone_and_beside_longer_ones() -> None:
    encoder = tiny_words()
    together = encoder(*encoder.tokenize(TEXTS))
    torch.testing.assert_close(together.norm(dim=1), torch.ones(len(TEXTS)))
    for text, vector in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(encoder(*encoder.tokenize([text]))[0], vector)


def test_the_embedding_is_the_state_at_the_last_word() -> None:
    encoder = tiny_words()
    rows = [VECTORS.words.index(word) for word in ("a", "red", "heart")]
    states = encoder.sru(VECTORS.table[rows][None])
    expected = torch.nn.functional.normalize(states[:, -1], dim=1)
    torch.testing.assert_close(encoder(*encoder.tokenize(["a red heart"])), expected)


def test_long_texts_are_cut() -> None:
    assert tiny_words().tokenize(["a red " * LONGEST])[0].shape == (1, LONGEST)


def test_unknown_words_are_named_once(model: TwoTowers, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "rankzoo"):
        for _ in range(2):
            model.embed_texts(["a zyzzyva", "the Zyzzyva and a qi", "a dog"])
        model.embed_texts(["a dog", "one xu"])
    assert caplog.messages == [
        "4 of 7 different words have no vector, and share one: Zyzzyva, and, qi, zyzzyva",
        "2 of 4 different words have no vector, and share one: one, xu",
    ]


def test_both_towers_come_back_from_one_folder(model: TwoTowers, tmp_path: Path) -> None:
    assert_comes_back(model, tmp_path, TEXTS)


def test_a_folder_in_half_precision_is_computed_with_in_float32(
    model: TwoTowers, tmp_path: Path
) -> None:
    save_two_towers(model, tmp_path)
    halved = {
        k: v.half() if v.is_floating_point() else v for k, v in read_weights(tmp_path).items()
    }
    write_weights(tmp_path / WEIGHTS, halved)
    (tmp_path / FOLDER_SEAL).unlink()
    again = load_two_towers(tmp_path)
    assert {tensor.dtype for tensor in again.state_dict().values()} <= {torch.float32, torch.int64}
    embedded = again.embed_texts(TEXTS)
    torch.testing.assert_close(embedded, model.embed_texts(TEXTS), rtol=0, atol=1e-2)


def test_the_shipped_towers_put_words_beside_what_they_name() -> None:
    drawn = {glyph.name: glyph.drawings["twemoji"] for glyph in glyphs()}
    images = [
        Image.open(io.BytesIO(rasterise(drawn[name], 64, "#ffffff")))
        for name in ("ambulance", "tulip", "Denmark")
    ]
    model = zoo.load("emoji-words", offline=True)
    seen, read = model.embed_images(images), model.embed_texts(["car", "rose", "flag of a country"])
    assert seen.shape == read.shape == (3, model.dim)
    assert (read @ seen.T).argmax(dim=1).tolist() == [0, 1, 2]


def test_the_vectors_are_no_parameters_and_the_units_no_backbone(model: TwoTowers) -> None:
    assert not any("table" in name for name, _ in model.named_parameters())
    assert list(model.backbone) == ["image"]


def change(folder: Path, what: str) -> None:
    """Damage a folder, and take its seal away."""
    (folder / FOLDER_SEAL).unlink()
    words, config = folder / WORDS, json.loads((folder / "config.json").read_text())
    listed = json.loads(words.read_text())["words"]
    match what:
        case "no words":
            return words.unlink()
        case "a word less":
            listed = listed[1:]
        case "a word twice":
            listed = [listed[1], *listed[1:]]
        case "no unknown":
            listed = ["x" if word == "<unk>" else word for word in listed]
        case "no layers":
            config["two_towers"]["layers"] = 0
        case "huge":
            config["two_towers"]["width"] = 16_000
    words.write_text(json.dumps({"words": listed}))
    (folder / "config.json").write_text(json.dumps(config))
    return None


@pytest.mark.parametrize(
    "what", ["no words", "a word less", "a word twice", "no unknown", "no layers", "huge"]
)
def test_a_damaged_folder_is_refused(model: TwoTowers, what: str, tmp_path: Path) -> None:
    save_two_towers(model, tmp_path)
    change(tmp_path, what)
    with pytest.raises(IntegrityError) as problem:
        load_two_towers(tmp_path)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("change", [{"layers": 0}, {"width": 0}, {"dropout": 1.0}])
def test_sizes_that_cannot_be_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        replace(WordEncoderConfig(16), **change)
