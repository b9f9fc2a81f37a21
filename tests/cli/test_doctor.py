from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import cli.doctor
from cli.doctor import Check, examine


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path / "rankzoo"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    return tmp_path


def named(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_this_environment_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.doctor, "LOW_SPACE", 0)  # temporary files may have little room
    found = named(examine(connect=False))
    assert {name: c.found for name, c in found.items() if c.state == "broken"} == {}
    for name in ("torch", "faiss", "mmdetection", "compiler", "cache", "hub cache", "cards"):
        assert name in found
    assert "on the shelf" in found["cards"].found


def test_a_cache_that_cannot_be_written_is_broken(
    caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (caches / "file").write_text("in the way")
    monkeypatch.setenv("RANKZOO_CACHE", str(caches / "file" / "below"))
    check = named(examine(connect=False))["cache"]
    assert check.state == "broken"
    assert "RANKZOO_CACHE" in check.advice


def test_an_endpoint_that_does_not_answer_is_missing_and_offline_is_fine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    check = cli.doctor._endpoint(connect=True)
    assert (check.state, "HF_ENDPOINT" in check.advice) == ("missing", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert cli.doctor._endpoint(connect=True).state == "ok"


@pytest.mark.parametrize(
    ("installed", "state", "words"),
    [
        ({"faiss-cpu": "1.15.1", "faiss-gpu": "1.15.1"}, "broken", "install one"),
        ({"faiss-gpu": "1.15.1"}, "ok", ""),
        ({}, "missing", "rankzoo[cpu]"),
    ],
)
def test_faiss_is_wanted_once(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], state: str, words: str
) -> None:
    def version(name: str) -> Any:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(cli.doctor, "version", version)
    check = cli.doctor._faiss()
    assert check.state == state
    assert words in check.advice


def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert cli.doctor._compiler().state == "missing"


def test_the_device_that_auto_takes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert cli.doctor._device().found.startswith("cpu, ")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert cli.doctor._device().found == "mps, Apple's GPU"
    card = SimpleNamespace(name="A Card", total_memory=80 * 10**9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert cli.doctor._device().found == "cuda, A Card, 80 GB, 2 of them"
