"""What a loss refuses: every error names the argument, its value, and what is allowed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.errors import UsageError

# How far a unit vector's norm may be from 1 after rounding: float32 and half precision.
NORM_TOLERANCE = {
    torch.float64: 1e-3,
    torch.float32: 1e-3,
    torch.float16: 1e-2,
    torch.bfloat16: 2e-2,
}


Number = float | int  # what a person may pass: run-time type checks take `float` literally


def check_positive(**arguments: Number) -> None:
    """Raise unless every argument is a number above 0."""
    for name, value in arguments.items():
        if not (isinstance(value, int | float) and value > 0 and value != float("inf")):
            raise UsageError(f"{name} is {value!r}", f"{name} must be a finite number above 0")


def check_finite(**arguments: object) -> None:
    """Raise unless every argument is a finite number."""
    for name, value in arguments.items():
        if not (isinstance(value, int | float) and abs(value) < float("inf")):
            raise UsageError(f"{name} is {value!r}", f"{name} must be a finite number")


def check_whole(least: int = 1, **arguments: object) -> None:
    """Raise unless every argument is a whole number of at least `least`."""
    for name, value in arguments.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            hint = f"{name} must be a whole number of at least {least}"
            raise UsageError(f"{name} is {value!r}", hint)


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise unless `value` is one of `allowed`."""
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}", f"allowed: {', '.join(allowed)}")


def checked_ks(ks: object) -> tuple[int, ...]:
    """Return `ks` as a tuple; raise unless it holds whole numbers above 0."""
    listed = tuple(ks) if isinstance(ks, Sequence) else ()
    if not listed or not all(isinstance(k, int) and k > 0 for k in listed):
        raise UsageError(f"ks is {ks!r}", "ks must be a non-empty list of whole numbers above 0")
    return listed


def check_embeddings(name: str, given: object) -> None:
    """Raise unless `given` is (N, D) floats with unit rows, or convex mixtures of such rows."""
    value = _tensor(name, given)
    if value.ndim != 2 or not len(value) or not value.is_floating_point():
        raise UsageError(
            f"{name} is {value.dtype} of shape {tuple(value.shape)}",
            f"{name} must be floating point of shape (N, D), N and D at least 1",
        )
    wide = torch.promote_types(value.dtype, torch.float32)
    norms = torch.linalg.vector_norm(value.detach(), dim=1, dtype=wide)
    least, most = (float(bound) for bound in norms.aminmax())
    if not most < float("inf"):
        row = int((~value.detach().isfinite()).any(dim=1).int().argmax())
        raise UsageError(f"{name} row {row} is not finite", "look for a diverging model or lr")
    tolerance = NORM_TOLERANCE[value.dtype]
    if abs(most - 1) > tolerance or least < tolerance:
        raise UsageError(
            f"{name} has rows of norm {least:.4g} to {most:.4g}",
            f"{name} must be L2-normalised (torch.nn.functional.normalize), within {tolerance}",
        )


def check_labels(name: str, given: object, embeddings: Tensor) -> None:
    """Raise unless `given` is (N,) or (N, L) whole numbers for N embeddings."""
    labels = _tensor(name, given)
    integer = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    if not integer or labels.ndim not in (1, 2) or len(labels) != len(embeddings):
        raise UsageError(
            f"{name} is {labels.dtype} of shape {tuple(labels.shape)}",
            f"{name} must be whole numbers of shape ({len(embeddings)},) "
            f"or ({len(embeddings)}, levels), finest level first",
        )
    if labels.ndim == 2 and labels.shape[1] == 0:
        raise UsageError(f"{name} has no level", "give at least one column")


def check_classes(labels: Tensor, classes: int) -> None:
    """Raise unless every label is a class number 0..classes - 1."""
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= classes:
        raise UsageError(
            f"labels go from {least} to {most}", f"classes is {classes}: use 0 to {classes - 1}"
        )


def check_gallery(
    embeddings: Tensor, labels: Tensor, gallery: Tensor | None, gallery_labels: Tensor | None
) -> None:
    """Raise unless gallery and labels come together and match the queries'."""
    if (gallery is None) != (gallery_labels is None):
        raise UsageError(
            "gallery_embeddings and gallery_labels go together", "pass both, or neither"
        )
    if gallery is None or gallery_labels is None:
        return
    check_embeddings("gallery_embeddings", gallery)
    check_labels("gallery_labels", gallery_labels, gallery)
    if gallery.shape[1] != embeddings.shape[1] or gallery_labels.shape[1:] != labels.shape[1:]:
        raise UsageError(
            f"gallery of shapes {tuple(gallery.shape)} and {tuple(gallery_labels.shape)}",
            f"it must match queries of shapes {tuple(embeddings.shape)}, {tuple(labels.shape)}",
        )


def check_positions(positions: Tensor, embeddings: Tensor, gallery: Tensor | None) -> None:
    """Raise unless `positions` gives each query a column of the gallery, or -1."""
    if gallery is None:
        raise UsageError("positions without a gallery", "pass gallery_embeddings and their labels")
    if positions.dtype != torch.int64 or positions.shape != embeddings.shape[:1]:
        raise UsageError(
            f"positions is {positions.dtype} of shape {tuple(positions.shape)}",
            f"positions must be int64 of shape ({len(embeddings)},)",
        )
    least, most = int(positions.min()), int(positions.max())
    if least < -1 or most >= len(gallery):
        raise UsageError(
            f"positions go from {least} to {most}",
            f"allowed: 0 to {len(gallery) - 1}, or -1 for a query outside the gallery",
        )


def _tensor(name: str, value: object) -> Tensor:
    if not isinstance(value, Tensor):
        raise UsageError(f"{name} is a {type(value).__name__}", f"{name} must be a tensor")
    return value
