"""A randomly initialised CLIP or SigLIP of a few thousand weights, as a folder of transformers."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast, SiglipConfig, SiglipModel

WORDS = ["a", "the", "photo", "of", "cat", "dog", "red", "green", "blue", "heart", "square", "face"]
SPECIAL = ["<pad>", "<start>", "<end>", "<unknown>"]
VOCABULARY = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
TOWER: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def tiny_clip(folder: Path, family: str = "clip", size: int = 32) -> Path:
    """Write the model, its tokeniser and no image transform; return the folder."""
    torch.manual_seed(0)
    text = {**TOWER, "vocab_size": len(VOCABULARY), "max_position_embeddings": 16}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    vision = {**TOWER, "image_size": size, "patch_size": 8}
    if family == "clip":
        config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
        model: Any = CLIPModel(config)
    else:
        model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    model.save_pretrained(folder)
    tokeniser().save_pretrained(folder)
    return folder


def tokeniser() -> PreTrainedTokenizerFast:
    """A word a token, between start and end."""
    inner = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unknown>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<start>", 1), ("<end>", 2)]
    inner.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=ends
    )
    names = {"pad_token": "<pad>", "bos_token": "<start>", "eos_token": "<end>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unknown>", **names)
