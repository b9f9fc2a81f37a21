"""A model to be measured: loaded once, its weights hashed once."""

from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

from torch import nn

from zoo.cards.model_files import WEIGHTS
from zoo.embedding.extract import Extractor
from zoo.embedding.sizes import MultiScale, WholeImages, described_input
from zoo.embedding.words import Words, encoder_of
from zoo.errors import UsageError
from zoo.evaluation.options import EvalOptions
from zoo.hub.resolve import resolve
from zoo.progress import Track, silent
from zoo.tasks import load, load_folder


@dataclass(frozen=True, eq=False)
class Subject:
    """A model under the name it was asked for by; `weights` is the sha256 of its file."""

    name: str
    model: nn.Module
    weights: str = ""


def open_subject(name: str, *, offline: bool = False, track: Track = silent) -> Subject:
    """Load the model called `name`; the hash is the one that checked its files.

    Raises:
        UnavailableError, IntegrityError: see `zoo.load`.
    """
    found = resolve(name, offline=offline, track=track)
    weights = next((file.sha256 for file in found.files if file.name == WEIGHTS), "")
    model: Any = load_folder(found.path)
    if encoder := encoder_of(found.path):
        model.embed_texts = Words(encoder, partial(load, offline=offline))
    return Subject(name, model, weights)


def extractor_of(subject: Subject, options: EvalOptions) -> Extractor:
    """Return what embeds images with the model as the options say, and keeps the embeddings."""
    model, asked = subject.model, options.input
    if asked.image_size is not None:
        model = WholeImages(model, asked.image_size)
    if asked.scales != (1.0,):
        model = MultiScale(model, asked.scales)
    way = sha256(repr(described_input(model)).encode()).hexdigest()[:12]
    kept = options.embeddings and options.embeddings / f"{subject.weights[:12]}-{way}"
    embed = options.embed
    if asked.image_size is not None:  # images then differ in shape: batches hold one
        embed = replace(embed, batch_size=1)
    return Extractor(model, f"{subject.weights}-{way}", kept, embed)


def text_encoder_of(subject: Subject, options: EvalOptions) -> nn.Module:
    """Return what reads the captions: the encoder that is named, else the model's own side.

    Raises:
        UsageError: there is neither.
    """
    if options.text_model:
        return load(options.text_model, offline=options.offline)
    if getattr(subject.model, "embed_texts", None) is None:
        raise UsageError("this model has no text side", "name its encoder with --text-model")
    return subject.model
