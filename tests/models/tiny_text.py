"""A randomly initialised text encoder of a few thousand weights."""

from typing import Any

import torch
from transformers import BertConfig, BertModel

from tests.models.tiny_clip import TOWER, VOCABULARY, tokeniser
from zoo.models.text_encoder import TextEncoder


def tiny_text() -> TextEncoder:
    """Return an encoder of 32 dimensions."""
    torch.manual_seed(0)
    known: dict[str, Any] = {**TOWER, "vocab_size": len(VOCABULARY), "pad_token_id": 0}
    return TextEncoder(BertModel(BertConfig(**known)), tokeniser(), longest=16).eval()
