"""Rules that rename tensors; each tensor meets exactly one, or the conversion is refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from zoo.errors import IntegrityError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Rename:
    """Tensors whose name matches `old` become `new` (a `re` template), reshaped to `shape`."""

    old: str
    new: str
    shape: Shape | None = None


@dataclass(frozen=True)
class Twin:
    """Tensors saved twice: `old` must equal the tensor called `other`, and is dropped."""

    old: str
    other: str


@dataclass(frozen=True)
class Drop:
    """Tensors that an embedder does not need, and why."""

    old: str
    reason: str


Rule = Rename | Twin | Drop


@dataclass
class Renamed:
    """The tensors under their new names, what each was called, and what was dropped and why."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)


def rename(tensors: Mapping[str, Tensor], rules: Sequence[Rule], where: str) -> Renamed:
    """Apply `rules` to every tensor; the first rule whose pattern matches the whole name counts.

    Raises:
        IntegrityError: tensors no rule knows, a twin that differs, two tensors of one name.
    """
    result = Renamed()
    unknown = []
    for name, tensor in tensors.items():
        rule = next((rule for rule in rules if re.fullmatch(rule.old, name)), None)
        match rule:
            case Rename():
                _keep(result, name, tensor, rule, where)
            case Twin():
                other = re.sub(rule.old, rule.other, name)
                _check_twin(tensors, name, other, where)
                result.dropped[name] = f"the same as {other}"
            case Drop(_, reason):
                result.dropped[name] = reason
            case None:
                unknown.append(name)
    if unknown:
        shown = ", ".join(unknown[:3])
        raise IntegrityError(
            f"{where}: {len(unknown)} tensors fit no rule of this format, first {shown}",
            "choose another --format; nothing was written",
        )
    return result


def _keep(result: Renamed, name: str, tensor: Tensor, rule: Rename, where: str) -> None:
    new = re.sub(rule.old, rule.new, name)
    if new in result.tensors:
        raise IntegrityError(f"{where}: {name} and {result.names[new]} would both be {new}")
    try:
        shaped = tensor if rule.shape is None else tensor.reshape(rule.shape)
    except RuntimeError as error:
        raise IntegrityError(f"{where}: {name} does not fit {list(rule.shape or ())}") from error
    result.tensors[new] = shaped
    result.names[new] = name


def _check_twin(tensors: Mapping[str, Tensor], name: str, other: str, where: str) -> None:
    if other not in tensors or not torch.equal(tensors[name], tensors[other]):
        raise IntegrityError(f"{where}: {name} should be the same tensor as {other}, and is not")
