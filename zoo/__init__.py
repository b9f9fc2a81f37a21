"""A model zoo for retrieval and detection, trained on the metric it is judged by."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.tasks import load as load

__version__ = "0.1.0"
__all__ = ["load"]


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> Any:
    """Import `load` on first use: `import zoo` must not wait for torch."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from zoo.tasks import load

    return load
