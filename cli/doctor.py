"""`rankzoo doctor`: what works on this machine, one line a check, and what to do about it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from cli.options import Json, Offline
from cli.output import Output
from zoo import __version__
from zoo.errors import RankzooError
from zoo.files import cache_dir

CORE = ("torch", "torchvision", "timm", "huggingface-hub", "safetensors", "numpy")
LOW_SPACE = 2 * 10**9  # bytes; a ViT-B and its pinned copy take 0.7 GB


def doctor(offline: Offline = False, as_json: Json = False) -> None:
    """Check packages, caches, endpoint, faiss, mmdetection, compiler and cards."""
    from rich.table import Table

    checks = examine(connect=not offline)

    def human() -> Table:
        table = Table(box=None)
        for title in ("check", "state", "found", "what to do"):
            table.add_column(title, overflow="fold")
        for check in checks:
            table.add_row(check.name, check.state, check.found, check.advice)
        return table

    broken = [check.name for check in checks if check.state == "broken"]
    value = {"ok": not broken, "checks": [check.as_json() for check in checks]}
    Output(as_json).result(value, human)
    if broken and as_json:
        raise typer.Exit(RankzooError.code)  # the object already says what is broken
    if broken:
        raise RankzooError(f"broken: {', '.join(broken)}", "see the table above")


@dataclass(frozen=True)
class Check:
    """One finding: `ok`, `missing` (an optional part) or `broken` (something needed)."""

    name: str
    state: str
    found: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the finding as plain values."""
        return dict(vars(self))


def examine(*, connect: bool = True) -> list[Check]:
    """Check environment, caches, endpoint, faiss, mmdetection and compiler.

    `connect` asks the endpoint for an answer.
    """
    from zoo.hub.client import hub_cache

    checks: list[Callable[[], Check]] = [
        *(partial(_package, name) for name in CORE),
        _faiss,
        partial(_package, "transformers", "pip install 'rankzoo[captions]'"),
        _detection,
        partial(_package, "onnxruntime", "pip install 'rankzoo[export]'"),
        _device,
        _compiler,
        partial(_folder, "cache", cache_dir(), "RANKZOO_CACHE"),
        partial(_folder, "hub cache", hub_cache(), "HF_HOME"),
        partial(_endpoint, connect),
        _cards,
    ]
    return [Check("rankzoo", "ok", __version__), *(check() for check in checks)]


def _package(name: str, install: str = "") -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "missing" if install else "broken", "not installed", install)


def _faiss() -> Check:
    cpu, gpu = _package("faiss-cpu"), _package("faiss-gpu")
    if cpu.state == gpu.state == "ok":
        advice = "uninstall both, then install one: they share a folder"
        return Check("faiss", "broken", f"faiss-cpu {cpu.found} and faiss-gpu {gpu.found}", advice)
    for found in (cpu, gpu):
        if found.state == "ok":
            return Check("faiss", "ok", f"{found.name} {found.found}")
    return Check("faiss", "missing", "not installed", "pip install 'rankzoo[cpu]'")


def _detection() -> Check:
    install = "pip install 'rankzoo[detection]'"
    found = _package("mmdet", install)
    if found.state != "ok":
        return Check("mmdetection", "missing", "not installed", install)
    try:
        from zoo.detection.bridge import bridged_ops, require_mmdet

        require_mmdet()
    except RankzooError as error:
        return Check("mmdetection", "broken", str(error), error.hint)
    bridged = bridged_ops()
    how = f"{len(bridged)} operators bridged" if bridged else "compiled operators"
    return Check("mmdetection", "ok", f"mmdet {found.found}, {how}")


def _device() -> Check:
    from zoo.device import describe_device

    return Check("device", "ok", describe_device())


def _compiler() -> Check:
    chosen = os.environ.get("CXX") or "g++"
    path = shutil.which(chosen) or shutil.which("clang++")
    advice = "torch.compile needs a C++ compiler; without one rankzoo runs eagerly"
    if path is None:
        return Check("compiler", "missing", f"{chosen} not found", advice)
    return Check("compiler", "ok", path)


def _folder(name: str, folder: Path, setting: str) -> Check:
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    advice = f"set {setting} to another folder"
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Check(name, "broken", f"{folder} cannot be written", advice)
    free = shutil.disk_usage(existing).free
    said = f"{folder}, {free / 1e9:.1f} GB free"
    return Check(name, "ok", said) if free >= LOW_SPACE else Check(name, "broken", said, advice)


def _endpoint(connect: bool) -> Check:
    from zoo.hub.client import endpoint, is_offline

    if is_offline():
        return Check("endpoint", "ok", f"{endpoint()}, offline by HF_HUB_OFFLINE")
    if not connect:
        return Check("endpoint", "ok", f"{endpoint()}, not asked")
    import httpx2

    advice = "check the network, or set HF_ENDPOINT to a mirror; cached models work without it"
    try:
        status = httpx2.head(endpoint(), timeout=5, follow_redirects=True).status_code
    except httpx2.HTTPError as error:
        return Check("endpoint", "missing", f"{endpoint()}: {_line(error)}", advice)
    if status >= 500:
        return Check("endpoint", "missing", f"{endpoint()} answers {status}", advice)
    token = "with a token" if os.environ.get("HF_TOKEN") else "without HF_TOKEN"
    return Check("endpoint", "ok", f"{endpoint()} answers, {token}")


def _cards() -> Check:
    from zoo.hub.checking import check_cards

    try:
        return Check("cards", "ok", f"{len(check_cards())} on the shelf")
    except RankzooError as error:
        return Check("cards", "broken", str(error), "reinstall rankzoo")


def _line(error: Any) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
