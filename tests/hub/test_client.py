"""Where the Hub is, whether it may be asked, and where its client keeps what it brings."""

from pathlib import Path

import pytest
from huggingface_hub.file_download import repo_folder_name

from zoo.hub.client import endpoint, hub_cache, is_offline, snapshot_folder


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (None, "https://huggingface.co"),
        ("", "https://huggingface.co"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://mirror.example/hub//", "https://mirror.example/hub"),
    ],
)
def test_a_mirror_is_asked_where_one_is_named(
    said: str | None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said is not None:
        monkeypatch.setenv("HF_ENDPOINT", said)
    assert endpoint() == address


@pytest.mark.parametrize(
    ("said", "offline"),
    [(None, False), ("", False), ("0", False), ("no", False), ("1", True), ("YES", True)],
)
def test_offline_is_said_as_the_hubs_client_reads_it(
    said: str | None, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said is not None:
        monkeypatch.setenv("HF_HUB_OFFLINE", said)
    assert is_offline() == offline


def test_the_cache_is_the_clients_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HF_HOME")
    assert hub_cache() == tmp_path / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("HF_HOME", "~/models")
    assert hub_cache() == tmp_path / "models" / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", "~/shared")
    assert hub_cache() == tmp_path / "shared"
    named = repo_folder_name(repo_id="me/photos", repo_type="model")
    assert snapshot_folder("me/photos", "c0ffee") == (
        tmp_path / "shared" / named / "snapshots" / "c0ffee"
    )
