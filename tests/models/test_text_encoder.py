import json
import shutil
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from zoo.errors import IntegrityError
from zoo.files import FOLDER_SEAL
from zoo.hub.resolve import resolve_model
from zoo.models.text_encoder import LENGTH, TextEncoder, load_text_encoder, save_text_encoder

TEXTS = ["grinning face", "", "a " * 400, "Éléphant — ÄÖÜ 🐘", "flag: Japan"]


@pytest.fixture(scope="module")
def folder() -> Path:
    return resolve_model("all-minilm-l6-v2")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TextEncoder:
    return load_text_encoder(folder)


def test_embeddings_equal_those_of_sentence_transformers(
    folder: Path, encoder: TextEncoder
) -> None:
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, convert_to_tensor=True)
    torch.testing.assert_close(encoder.embed_texts(TEXTS), theirs, atol=1e-6, rtol=1e-5)


def test_the_batch_size_and_the_company_of_other_texts_do_not_matter(encoder: TextEncoder) -> None:
    together = encoder.embed_texts(TEXTS)
    torch.testing.assert_close(encoder.embed_texts(TEXTS, batch_size=1), together)
    assert encoder.embed_texts([]).shape == (0, 384)


def test_gradients_reach_the_transformer(encoder: TextEncoder) -> None:
    encoder(*encoder.tokenize(["a cat"]))[0, 0].backward()
    weight = encoder.get_parameter("transformer.embeddings.word_embeddings.weight")
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0
    encoder.zero_grad()


def test_what_is_saved_loads_again_here_and_in_sentence_transformers(
    encoder: TextEncoder, tmp_path: Path
) -> None:
    save_text_encoder(encoder, tmp_path)
    again = load_text_encoder(tmp_path).embed_texts(TEXTS)
    torch.testing.assert_close(again, encoder.embed_texts(TEXTS), atol=0, rtol=0)
    theirs = SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS, convert_to_tensor=True)
    torch.testing.assert_close(again, theirs, atol=1e-6, rtol=1e-5)


def test_another_pooling_is_refused_rather_than_replaced(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "m", ignore=shutil.ignore_patterns("*.safetensors"))
    pooling = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (tmp_path / "m" / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    with pytest.raises(IntegrityError, match="only mean pooling"):
        load_text_encoder(tmp_path / "m")


def test_a_folder_that_is_no_text_encoder_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-model"}')
    with pytest.raises(IntegrityError, match="not a text encoder") as error:
        load_text_encoder(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("longest", ["16", None, True, 0, 10**12, [16]])
def test_a_number_of_tokens_that_is_none_is_refused(
    longest: object, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / FOLDER_SEAL).unlink(missing_ok=True)
    (copy / LENGTH).write_text(json.dumps({"max_seq_length": longest}))
    with pytest.raises(IntegrityError, match="no number of tokens"):
        load_text_encoder(copy)
