"""A pretended accelerator: tensors that compute on the CPU and keep CUDA's rules about devices.

A `Pretended` tensor reports the device `meta`, which torch lets anyone stand for: its autograd
needs no thread and no driver there. It holds a CPU tensor and computes with it, so that values are
the CPU's to the last bit. What CUDA refuses it refuses: a CPU tensor of more than zero dimensions
beside it, `.numpy()`, an index into a CPU tensor, a CPU generator.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = "meta"
MIXED = "Expected all tensors to be on the same device, but found at least two devices, {} and cpu"

aten = torch.ops.aten
ACROSS = {aten.copy_, aten._to_copy, aten._foreach_copy_}  # CUDA takes these between devices
INDEXED = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}  # CPU indices too
TO_NUMPY = (Tensor.numpy, Tensor.__array__)
MAKERS = (torch.tensor, torch.as_tensor, torch.asarray)  # they take a shortcut on `meta`
# What CPU autocast casts among the functions the project calls.
LOWERED = (
    torch.conv2d,
    torch.nn.functional.linear,
    torch.nn.functional.scaled_dot_product_attention,
    torch.matmul,
    torch.mm,
    torch.bmm,
    torch.addmm,
    torch.baddbmm,
    Tensor.matmul,
    Tensor.__matmul__,
    Tensor.mm,
)


class Pretended(Tensor):
    """A tensor on the pretended device; `held` is the CPU tensor that it stands for."""

    held: Tensor
    doubles = True

    @staticmethod
    def __new__(cls, held: Tensor) -> "Pretended":
        if held.dtype == torch.float64 and not cls.doubles:
            raise TypeError("MPS does not support float64")
        made: Pretended = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in TO_NUMPY:
            raise TypeError(
                f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() first."
            )
        if func is Tensor.tolist:
            return args[0].held.tolist()
        if func is Tensor.new_tensor:  # as MAKERS
            return _like(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:
        return f"{self.held!r} on {DEVICE}"


class _Factories(TorchDispatchMode):
    """Tensors made on the device, or sent to it, are pretended ones."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """What is decided above dispatch: `torch.tensor` on the device, and autocast's casts."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in MAKERS and _is_here(kwargs.get("device")):
            del kwargs["device"]
            return func(*args, **kwargs).to(DEVICE)
        if func in LOWERED and torch.is_autocast_enabled("cpu"):
            args, kwargs = tree_map(_lowered, (args, kwargs))
        return func(*args, **kwargs)


class _Autocast(torch.autocast):
    """Autocast for the device, which torch does not know, is that of the CPU."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == DEVICE else device_type, *args, **kwargs)


@contextmanager
def accelerator(doubles: bool = True) -> Iterator[str]:
    """Let `device="meta"` be the pretended accelerator inside the block; yield its name.

    Without `doubles` it refuses float64, as Apple's MPS does.
    """
    with pytest.MonkeyPatch.context() as patch, _Factories(), _Functions():
        if not doubles:
            patch.setattr(Pretended, "doubles", False)
            patch.setattr("zoo.device.WITHOUT_DOUBLES", (DEVICE,))
        patch.setattr(torch, "autocast", _Autocast)
        patch.setattr(torch.amp, "autocast", _Autocast)
        with warnings.catch_warnings():
            # torch says so of real meta parameters; here `copy_` does copy.
            warnings.filterwarnings("ignore", ".*copying from a non-meta parameter")
            yield DEVICE


def on_cpu(value: Any) -> Any:
    """Return a value with its tensors on the CPU, detached."""
    return tree_map(lambda part: part.detach().cpu() if isinstance(part, Tensor) else part, value)


def on_device(value: Any) -> Any:
    """Return a value with its tensors on the device."""
    return tree_map(lambda part: part.to(DEVICE) if isinstance(part, Tensor) else part, value)


def same_on_both(
    compute: Callable[..., Any], *inputs: Any, doubles: bool = True, **close: float
) -> None:
    """Compute on the CPU and on the device; the results agree, and tensors stay where they were.

    `compute` is called with the same random state each time.
    """
    state = torch.get_rng_state()
    expected = on_cpu(compute(*inputs))
    torch.set_rng_state(state)
    with accelerator(doubles):
        found = compute(*on_device(inputs))
        stray = [part.device for part in tree_flatten(found)[0] if _strays(part)]
        found = on_cpu(found)
    assert not stray
    assert_alike(found, expected, **close)


def assert_alike(found: Any, expected: Any, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Every tensor is the expected one but for rounding; above one `atol` is of its largest value.

    A fused kernel rounds otherwise, and where a sum cancels the error is that of its terms: the
    gradient through `lstme` reaches 95, and float32 is 2e-5 off float64 where it is .07.
    """
    pairs = zip(tree_flatten(found)[0], tree_flatten(expected)[0], strict=True)
    for part, wanted in pairs:
        size = atol * max(1.0, _largest(wanted))
        torch.testing.assert_close(part, wanted, rtol=rtol, atol=size, equal_nan=True)


def assert_updated_alike(found: Any, expected: Any, reach: float) -> None:
    """Weights after Adam are the expected ones but for rounding; one in a thousand may be off.

    Adam divides a gradient by its own size, so that where a gradient is nothing but rounding a
    weight moves by anything up to its rate. `reach` is how far all updates together move one.
    """
    pairs = zip(tree_flatten(found)[0], tree_flatten(expected)[0], strict=True)
    for part, wanted in pairs:
        size = 1e-5 * max(1.0, _largest(wanted))
        off = ~torch.isclose(part, wanted, rtol=1e-4, atol=size, equal_nan=True)
        assert off.sum() <= 1 + off.numel() / 1000, f"{off.sum()} of {off.numel()} are off"
        torch.testing.assert_close(part[off], wanted[off], rtol=0, atol=reach)


def _largest(part: Any) -> float:
    known = torch.as_tensor(part).double().nan_to_num(0.0, 0.0, 0.0)
    return float(known.abs().max()) if known.numel() else 0.0


def _strays(part: Any) -> bool:
    return isinstance(part, Tensor) and not isinstance(part, Pretended)


def _computed(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Run an operator on the CPU tensors held by its arguments, and wrap what it makes."""
    leaves = tree_flatten((args, kwargs))[0]
    ours = {id(leaf.held): leaf for leaf in leaves if isinstance(leaf, Pretended)}
    if ours:
        _refuse_mixed(func, args, kwargs)
    target = kwargs.get("device")
    lands_here = _is_here(target) or (bool(ours) and target is None)
    if lands_here and kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a '{DEVICE}' device type for generator but found 'cpu'")
    kwargs = kwargs | ({"device": "cpu"} if _is_here(target) else {})
    found = func(*tree_map(_held, args), **tree_map(_held, kwargs))
    if ours and torch.Tag.inplace_view in func.tags:
        _reshape(func, args, kwargs)
    if func.overloadpacket is aten.copy_ and not isinstance(args[0], Pretended):
        return args[0]
    return tree_map(lambda part: _wrapped(part, ours), found) if lands_here else found


def _refuse_mixed(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    packet = func.overloadpacket
    if packet in ACROSS:
        return
    checked = (args[0], *args[2:]) if packet in INDEXED else args
    for leaf in tree_flatten((checked, kwargs))[0]:
        if isinstance(leaf, Tensor) and not isinstance(leaf, Pretended) and leaf.ndim:
            raise RuntimeError(f"{MIXED.format(DEVICE)} ({func})")


def _reshape(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Give the tensor itself, which is torch's own meta tensor, the shape its `held` one took."""
    before = torch._C._meta_in_tls_dispatch_include()
    with no_dispatch():
        torch._C._set_meta_in_tls_dispatch_include(True)
        try:
            func(*args, **kwargs)
        finally:
            torch._C._set_meta_in_tls_dispatch_include(before)


def _wrapped(part: Any, ours: dict[int, Pretended]) -> Any:
    """Wrap a result; one that is an argument (in-place operators) is that argument."""
    if not isinstance(part, Tensor) or isinstance(part, Pretended):
        return part
    return ours[id(part)] if id(part) in ours else Pretended(part)


def _like(tensor: Tensor, data: Any, dtype: torch.dtype | None = None) -> Tensor:
    return torch.tensor(data, dtype=dtype or tensor.dtype).to(DEVICE)


def _held(part: Any) -> Any:
    return part.held if isinstance(part, Pretended) else part


def _lowered(part: Any) -> Any:
    if isinstance(part, Pretended) and part.dtype in (torch.float32, torch.bfloat16, torch.float16):
        return part.to(torch.get_autocast_dtype("cpu"))
    return part


def _is_here(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE
