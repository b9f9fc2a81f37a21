"""How an index is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from zoo.embedding.options import EmbedOptions
from zoo.embedding.whitening import Whitening
from zoo.errors import UsageError
from zoo.index.layout import Plan
from zoo.index.target import Target

Own = TypeVar("Own", bound="IndexOptions | StoreOptions | EmbedOptions")


@dataclass(frozen=True)
class IndexOptions:
    """How `Index.build` makes an index of a dataset.

    name: what `zoo.load` will be given to find the model again when somebody searches.
    modality: index the dataset's `images`, or its `captions`.
    scales: sizes at which images are embedded and averaged; kept, and applied to every query.
    target: choose the plan by measuring, with text queries where the model reads text and the
        dataset has captions (zoo/index/tune.py); `plan` is not looked at then.
    whiten: learn PCA whitening from the embeddings and keep it with the index, with all
        directions or the `whitening_dim` of largest variance. like: see `StoreOptions`.
    """

    name: str = ""
    modality: Literal["images", "captions"] = "images"
    plan: Plan = field(default_factory=Plan)
    scales: tuple[float, ...] = (1.0,)
    target: Target | None = None
    like: Path | None = None
    whiten: bool = False
    whitening_dim: int | None = None
    embed: EmbedOptions = field(default_factory=EmbedOptions)


@dataclass(frozen=True, eq=False)
class StoreOptions:
    """How `Index.from_vectors` lays out what it is given.

    root: folder that the items' relative paths start from.
    like: an index whose trained codes and whitening to share, so that the two can be merged
        exactly. whitening: applied to the embeddings, kept, and applied to every query.
    tuning: the table behind the plan, kept for people.
    """

    plan: Plan = field(default_factory=Plan)
    modality: str = "images"
    root: Path | None = None
    like: Path | None = None
    whitening: Whitening | None = None
    tuning: Sequence[Mapping[str, Any]] = ()


def with_settings(options: Own, settings: Mapping[str, Any]) -> Own:
    """Return options with some of their fields, or of the `EmbedOptions` in them, set by name.

    Raises:
        UsageError: a name is no option; the hint lists them.
    """
    own = {f.name for f in fields(options)}
    inner = getattr(options, "embed", None)
    deeper = {f.name for f in fields(inner)} if inner is not None else set()
    if unknown := [name for name in settings if name not in own | deeper]:
        known = ", ".join(sorted(own | deeper))
        raise UsageError(f"{unknown[0]!r} is no option here", f"options: {known}")
    if inner is not None and (found := {n: v for n, v in settings.items() if n in deeper}):
        options = replace(options, embed=replace(inner, **found))
    return replace(options, **{n: v for n, v in settings.items() if n in own})
