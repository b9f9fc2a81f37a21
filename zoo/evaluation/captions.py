"""Images against captions, in both directions."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from zoo.errors import DataError
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.per_query import first_rank
from zoo.metrics.ranks import positive_ranks
from zoo.metrics.retrieval import median_of
from zoo.search.scan import score_blocks

KS = (1, 5, 10)
EQUAL = ", and captions that are equal (case and blanks aside) belong to each other's images too"


def evaluate_captions(
    images: Float[Tensor, "image dim"],
    captions: Float[Tensor, "caption dim"],
    owner: Int64[Tensor, " caption"],
    *,
    texts: Sequence[str] | None = None,
    folds: int = 1,
) -> Evaluation:
    """Evaluate retrieval of captions by images (`i2t_*`) and of images by captions (`t2i_*`).

    `owner` is the image each caption belongs to. Captions of equal `texts` (case and blanks aside)
    belong to each other's images too; without texts all count as different. With `folds`, the
    images are cut in that many equal parts, in order, each searched alone, and every metric is the
    mean over parts. Recalls and `rsum` are in percent, as the field reports them; ranks count from
    1.

    Raises:
        DataError: an image without a caption, or a number of images that the folds do not divide.
    """
    if len(images) % folds:
        raise DataError(f"{len(images)} images do not make {folds} equal folds")
    if (torch.bincount(owner, minlength=len(images)) == 0).any():
        raise DataError("an image has no caption", "give every image at least one")
    size = len(images) // folds
    parts = []
    for fold in range(folds):
        mine = (owner // size == fold).nonzero()[:, 0]
        here = images[fold * size : (fold + 1) * size]
        told = None if texts is None else [texts[i] for i in mine.tolist()]
        parts.append(caption_ranks(here, captions[mine], owner[mine] - fold * size, told))
    metrics = [caption_metrics(*ranks) for ranks in parts]
    return Evaluation(
        protocol="captions",
        definition="every image searches all captions, every caption all images; "
        f"the best placed of its own counts{'' if texts is None else EQUAL}",
        metrics={name: sum(m[name] for m in metrics) / folds for name in metrics[0]},
        queries=len(images) + len(captions),
        gallery=len(images) // folds,
        options={"folds": str(folds)},
        per_query=_per_query(parts),
        query_items=tuple(range(len(images))),
    )


def caption_ranks(
    images: Tensor, captions: Tensor, owner: Tensor, texts: Sequence[str] | None = None
) -> tuple[Float64[Tensor, " image"], Float64[Tensor, " caption"]]:
    """Return the rank of each image's best caption, and of each caption's image."""
    meaning = torch.arange(len(owner)) if texts is None else meanings(texts)
    order = meaning.argsort(stable=True)
    owners = torch.split(owner[order], torch.bincount(meaning).tolist())  # images, by meaning
    counts = torch.bincount(owner, minlength=len(images)).tolist()
    said = torch.split(meaning[owner.argsort(stable=True)], counts)  # meanings, by image
    forth = [
        first_rank(positive_ranks(scores, _marked(said[rows], len(owners))[:, meaning]))
        for rows, scores in score_blocks(images, captions)
    ]
    back = [
        first_rank(positive_ranks(scores, _marked([owners[m] for m in meaning[rows]], len(images))))
        for rows, scores in score_blocks(captions, images)
    ]
    return torch.cat(forth), torch.cat(back)


def meanings(texts: Sequence[str]) -> Int64[Tensor, " text"]:
    """Number texts so that equal ones, case and blanks aside, have the same number.

    >>> meanings(["A red  heart", "a red heart ", "a dog"]).tolist()
    [0, 0, 1]
    """
    plain = [" ".join(text.casefold().split()) for text in texts]
    numbers = {text: number for number, text in enumerate(dict.fromkeys(plain))}
    return torch.tensor([numbers[text] for text in plain], dtype=torch.int64)


def _marked(rows: Sequence[Tensor], width: int) -> Bool[Tensor, "row column"]:
    """Return a table that is true at the listed columns of each row."""
    found = torch.zeros(len(rows), width, dtype=torch.bool)
    for row, columns in zip(found, rows, strict=True):
        row[columns] = True
    return found


def caption_metrics(
    forth: Float64[Tensor, " image"], back: Float64[Tensor, " caption"], ks: Sequence[int] = KS
) -> dict[str, float]:
    """Return recalls in percent, median and mean ranks of both directions, and the recalls' sum."""
    found: dict[str, float] = {}
    for name, ranks in (("i2t", forth), ("t2i", back)):
        for k in ks:
            found[f"{name}_recall_at_{k}"] = 100 * float((ranks <= k).double().mean())
        found[f"{name}_median_rank"] = float(median_of(ranks))
        found[f"{name}_mean_rank"] = float(ranks.mean())
    return {"rsum": sum(v for n, v in found.items() if "recall" in n), **found}


def _per_query(parts: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Return hits of the images as queries: the paired comparison is over images."""
    ranks = torch.cat([forth for forth, _ in parts])
    return {f"i2t_recall_at_{k}": (ranks <= k).double() * 100 for k in KS}
