"""Whether the packages that serve are installed."""

from importlib.util import find_spec

from zoo.errors import UsageError

PACKAGES = ("fastapi", "prometheus_client", "uvicorn")


def check_installed() -> None:
    """Refuse to start without the extra.

    Raises:
        UsageError: naming what is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(f"serving needs {', '.join(missing)}", "pip install 'rankzoo[serve]'")
