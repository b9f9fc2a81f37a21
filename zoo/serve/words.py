"""Words for images: the text encoder whose space an image model learned."""

import logging
from collections.abc import Callable

from torch import nn

from zoo.embedding.words import encoder_of
from zoo.errors import RankzooError
from zoo.hub.resolve import resolve_model

log = logging.getLogger("rankzoo")


def words_of(name: str, load: Callable[[str], nn.Module], *, offline: bool) -> nn.Module | None:
    """Return the text encoder an image model was trained against, None if there is none.

    A model trained on captions learned the space of a frozen encoder: its images are found with
    that encoder's texts.
    """
    encoder = encoder_of(resolve_model(name, offline=offline))
    if not encoder:
        return None
    try:
        return load(encoder)
    except RankzooError as error:
        log.warning("words cannot be searched for: %s", error)
        return None
