"""mmdetection from wheels alone: a stand-in for `mmcv._ext`, the part of mmcv that is compiled.

`mmcv.ops` loads that module and asks for its operators by name. The stand-in answers with the
operators of `zoo.detection.ops`, and for any other name with a function that says, when it is
called, which operator is missing. Where a compiled mmcv is installed nothing is replaced.
"""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from zoo.detection.formatter import import_formatter
from zoo.detection.indices import take_any_device
from zoo.detection.ops import boxes, convolution, focal, pooling
from zoo.errors import UnavailableError, UsageError

MODULE = "mmcv._ext"
INSTALL = "pip install 'rankzoo[detection]'"
OPERATORS: dict[str, Callable[..., Any]] = {
    operator.__name__: operator
    for operator in (
        boxes.bbox_overlaps,
        boxes.nms,
        boxes.nms_match,
        boxes.softnms,
        convolution.deform_conv_backward_input,
        convolution.deform_conv_backward_parameters,
        convolution.deform_conv_forward,
        convolution.modulated_deform_conv_backward,
        convolution.modulated_deform_conv_forward,
        focal.sigmoid_focal_loss_backward,
        focal.sigmoid_focal_loss_forward,
        pooling.roi_align_backward,
        pooling.roi_align_forward,
        pooling.roi_pool_backward,
        pooling.roi_pool_forward,
    )
}


class BridgedOperators(ModuleType):
    """The module put in place of `mmcv._ext`."""

    def __init__(self) -> None:
        super().__init__(MODULE, __doc__)
        self.__spec__ = ModuleSpec(MODULE, None)
        self.__dict__.update(OPERATORS)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _missing(name)


def _missing(name: str) -> Callable[..., Any]:
    def operator(*_: object, **__: object) -> NoReturn:
        raise UnavailableError(
            f"mmcv's operator {name} is compiled and has no bridge",
            "install a compiled mmcv 2.1, or use a model without this operator",
        )

    operator.__name__ = name
    return operator


def require_mmdet() -> None:
    """Make `mmdet` importable: install the bridge, and check that the stack is complete.

    Raises:
        UsageError: mmdetection is not installed, or its parts do not fit together.
    """
    absent = [name for name in ("mmengine", "mmcv", "mmdet") if not _installed(name)]
    if absent:
        raise UsageError(f"detection needs {' and '.join(absent)}", INSTALL)
    try:
        install_bridge()
        import mmdet  # noqa: F401

        take_any_device()
    except AssertionError as error:  # mmdetection's own check of its companions' versions
        raise UsageError(" ".join(str(error).split()), INSTALL) from error
    except ImportError as error:
        raise UsageError(f"mmdetection cannot be imported: {error}", INSTALL) from error


def import_quietly(*names: str) -> None:
    """Import modules of mmdetection without the warnings that its age brings.

    Version 3.3 has invalid escapes in its docstrings and imports an operator by mmcv's former path;
    none of it is for the reader to mend.
    """
    require_mmdet()
    with without_warnings():
        for name in names:
            importlib.import_module(name)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence warnings where mmdetection warns of its own code, as its ATSS head does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def install_bridge() -> bool:
    """Put the stand-in in place unless mmcv is compiled; return whether it is in place."""
    if not isinstance(sys.modules.get(MODULE), BridgedOperators):
        import_formatter()
        if importlib.util.find_spec(MODULE) is not None:
            return False
        sys.modules[MODULE] = BridgedOperators()
    return True


def bridged_ops() -> list[str]:
    """Return the names of the operators that torchvision supplies; none where mmcv is compiled."""
    return sorted(OPERATORS) if _installed("mmcv") and install_bridge() else []


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
