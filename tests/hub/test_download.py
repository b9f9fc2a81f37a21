import errno
import json
import os
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from zoo.cards.sources import HubSource
from zoo.errors import IntegrityError, UnavailableError
from zoo.files import sha256_of
from zoo.hub.download import Snapshot, download, wanted_files
from zoo.hub.download_size import plan
from zoo.hub.listing import RemoteFile

WEIGHTS = save({"a": np.arange(30_000, dtype=np.float32)})
FILES = {
    "config.json": b'{"architecture": "resnet18"}',
    "model.safetensors": WEIGHTS,
    "README.md": b"# not needed to run",
}
ME = HubSource("me/photos")


def left_overs(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "incomplete" in path.name]


def content(found: Snapshot) -> bytes:
    return (found.path / "model.safetensors").read_bytes()


def test_a_download_is_pinned_verified_and_complete(hub: Any) -> None:
    commit = hub.add("me/photos", FILES)
    found = download(ME)
    assert found.revision == commit
    assert content(found) == WEIGHTS
    assert {f.name: f.sha256 for f in found.files} == {
        name: sha256_of(found.path / name) for name in ("config.json", "model.safetensors")
    }


def test_a_second_call_opens_no_connection_even_when_the_branch_moved(hub: Any) -> None:
    hub.add("me/photos", FILES)
    first = download(ME)
    hub.add("me/photos", {**FILES, "config.json": b"{}"})
    hub.requests.clear()
    assert download(ME) == first
    assert download(ME, offline=True) == first
    assert hub.requests == []


def test_refresh_follows_the_branch(hub: Any) -> None:
    hub.add("me/photos", FILES)
    download(ME)
    moved = hub.add("me/photos", {**FILES, "config.json": b"{}"})
    assert download(ME, refresh=True).revision == moved
    assert download(ME, offline=True).revision == moved


def test_a_tag_and_a_commit_name_the_same_snapshot(hub: Any) -> None:
    commit = hub.add("me/photos", FILES, ref="v1.0")
    hub.add("me/photos", {**FILES, "config.json": b"{}"})
    assert download(HubSource("me/photos", "v1.0")).revision == commit
    assert download(HubSource("me/photos", commit)).revision == commit


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("path", ["/api/models/me/photos", "/resolve/"])
def test_one_server_error_is_asked_again(
    hub: Any, naps: list[float], status: int, path: str
) -> None:
    hub.add("me/photos", FILES)
    hub.fail("GET", path, status)
    assert content(download(ME)) == WEIGHTS
    assert naps[0] == 0.5


def test_a_server_that_stays_down_is_reported_after_four_tries(hub: Any, naps: list[float]) -> None:
    hub.add("me/photos", FILES)
    hub.fail("GET", "/api/models", 503, times=99)
    with pytest.raises(UnavailableError, match="answers 503"):
        download(ME)
    assert naps == [0.5, 1.0, 2.0]


def test_a_rate_limit_is_waited_for_as_long_as_the_server_asks(hub: Any, naps: list[float]) -> None:
    hub.add("me/photos", FILES)
    hub.fail("GET", "/api/models", 429, Retry_After="7")
    assert content(download(ME)) == WEIGHTS
    assert naps == [7.0]


def test_a_rate_limit_of_an_hour_is_told_and_not_waited_for(hub: Any, naps: list[float]) -> None:
    hub.add("me/photos", FILES)
    hub.fail("GET", "/api/models", 429, Retry_After="3600")
    with pytest.raises(UnavailableError, match="rate limited") as error:
        download(ME)
    assert "3600 s" in error.value.hint
    assert naps == []


def test_a_dropped_connection_is_resumed_where_it_stopped(hub: Any, naps: list[float]) -> None:
    hub.add("me/photos", FILES)
    hub.hang_up("model.safetensors", after=50_000)
    assert content(download(ME)) == WEIGHTS
    assert hub.downloads("model.safetensors") == 2


def test_a_body_that_stays_short_leaves_nothing_behind(
    hub: Any, naps: list[float], caches: Path
) -> None:
    hub.add("me/photos", FILES)
    hub.hang_up("model.safetensors", after=0, times=999)
    with pytest.raises((IntegrityError, UnavailableError)):
        download(ME)
    assert left_overs(caches) == []
    assert not list(caches.rglob("model.safetensors"))
    assert not list(caches.rglob("pins/*.json"))


def test_content_that_contradicts_the_hubs_hash_is_fetched_once_more(hub: Any) -> None:
    hub.add("me/photos", FILES)
    hub.corrupt("model.safetensors")
    assert content(download(ME)) == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_content_that_stays_wrong_is_refused_and_removed(hub: Any, caches: Path, name: str) -> None:
    hub.add("me/photos", FILES)
    hub.corrupt(name, times=99)
    with pytest.raises(IntegrityError, match=f"{name}.*hash"):
        download(ME)
    assert not [p for p in caches.rglob(name) if p.exists()]
    assert not list(caches.rglob("pins/*.json"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (HubSource("me/photos", "v9"), "no such revision"),
        (HubSource("me/photos", "0" * 40), "no such revision"),
        (HubSource("me/nothing"), "no such repository"),
        (HubSource("me/private"), "no such repository"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(hub: Any, source: HubSource, message: str) -> None:
    hub.add("me/photos", FILES)
    hub.create("me/private", private=True)
    with pytest.raises(UnavailableError, match=message) as error:
        download(source)
    assert "\n" not in str(error.value)


def test_a_gated_repository_says_how_to_get_in_and_a_token_opens_it(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("me/photos", FILES)
    hub.repos["me/photos"].gated = True
    with pytest.raises(UnavailableError, match="gated") as error:
        download(ME)
    assert "HF_TOKEN" in error.value.hint
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    assert content(download(ME)) == WEIGHTS


def test_a_renamed_repository_is_followed(hub: Any, caplog: pytest.LogCaptureFixture) -> None:
    hub.add("new/name", FILES)
    hub.renamed["me/photos"] = "new/name"
    assert content(download(ME)) == WEIGHTS
    assert "me/photos is now called new/name" in caplog.text
    hub.requests.clear()
    assert download(ME, offline=True).repo == "new/name"


@pytest.mark.parametrize("shown", ["../../evil", "/etc/evil", "a/../../../evil", "C:\\evil"])
def test_a_file_name_that_leaves_the_folder_is_refused_before_any_download(
    hub: Any, caches: Path, shown: str
) -> None:
    hub.add("me/photos", {**FILES, "evil.json": b"{}"})
    hub.repos["me/photos"].listed["evil.json"] = shown
    with pytest.raises(IntegrityError, match="leaves its folder"):
        download(ME)
    assert hub.downloads("model.safetensors") == 0
    assert not list(caches.rglob("*evil*"))


def test_offline_and_absent_says_so_without_a_request(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("me/photos", FILES)
    with pytest.raises(UnavailableError, match="not in the cache"):
        download(ME, offline=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="not in the cache"):
        download(ME)
    assert hub.requests == []


def test_no_network_is_told_after_the_retries(
    hub: Any, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="no answer from the Hub"):
        download(ME)
    assert len(naps) == 3


def test_no_space_is_known_before_the_download(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("me/photos", FILES)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 1000))
    with pytest.raises(UnavailableError, match=r"needs 0\.1 MB.*0\.0 MB free"):
        download(ME)
    assert hub.downloads("model.safetensors") == 0


def test_a_dry_run_tells_what_the_download_would_give(hub: Any) -> None:
    first = hub.add("me/photos", FILES)
    download(HubSource("me/photos"))
    second = hub.add("me/photos", {**FILES, "config.json": b"{} "})
    hub.requests.clear()
    assert plan("me/photos")["revision"] == plan("me/photos", offline=True)["revision"] == first
    assert hub.requests == []
    assert plan("me/photos", refresh=True)["revision"] == second


def test_a_dry_run_offline_opens_no_connection(hub: Any) -> None:
    hub.add("me/photos", FILES)
    with pytest.raises(UnavailableError, match="not in the cache"):
        plan("me/photos", offline=True)
    assert hub.requests == []


def test_a_disk_that_fills_up_midway_is_told(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("me/photos", FILES)

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download._chmod_and_move", full)
    with pytest.raises(UnavailableError, match="no space left"):
        download(ME)


def test_a_damaged_cache_is_found_and_repaired_and_offline_it_is_refused(hub: Any) -> None:
    hub.add("me/photos", FILES)
    weights = (download(ME).path / "model.safetensors").resolve()
    weights.write_bytes(WEIGHTS[:-1] + b"x")
    with pytest.raises(IntegrityError, match=r"damaged in the cache: model\.safetensors"):
        download(ME, offline=True)
    assert content(download(ME)) == WEIGHTS
    assert hub.downloads("config.json") == 1


def test_a_repair_brings_the_pinned_commit_back_not_the_newest(hub: Any) -> None:
    first = hub.add("me/photos", FILES)
    shutil.rmtree(download(ME).path.parents[1])
    hub.add("me/photos", {**FILES, "config.json": b"{}"})
    assert download(ME).revision == first


def test_a_torn_pin_is_made_again(hub: Any, caches: Path) -> None:
    hub.add("me/photos", FILES)
    found = download(ME)
    pin = next(caches.rglob("pins/*.json"))
    pin.write_text(pin.read_text()[:40])
    assert download(ME) == found
    assert json.loads(pin.read_text())["commit"] == found.revision


def test_a_commit_that_answers_with_another_commit_is_refused(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add("me/photos", FILES)
    other = hub.add("me/photos", {**FILES, "config.json": b"{}"})
    hub.repos["me/photos"].commits.pop(commit)
    hub.repos["me/photos"].refs[commit] = other
    with pytest.raises(IntegrityError, match="answers with commit"):
        download(HubSource("me/photos", commit))


def test_a_dry_run_lists_sizes_and_downloads_nothing(hub: Any) -> None:
    commit = hub.add("me/photos", FILES)
    result = plan("me/photos")
    assert result["revision"] == commit
    assert {f["name"]: f["size"] for f in result["files"]} == {
        "config.json": len(FILES["config.json"]),
        "model.safetensors": len(WEIGHTS),
    }
    assert hub.downloads("model.safetensors") == 0


def remote(*names: str) -> list[RemoteFile]:
    return [RemoteFile(name, 10, None, None) for name in names]


def test_safetensors_come_before_pickles_and_other_frameworks_are_left() -> None:
    files = remote("config.json", "pytorch_model.bin", "tf_model.h5", "model.safetensors")
    files += remote("onnx/config.json", "1_Pooling/config.json", "vocab.txt", "README.md")
    assert [file.name for file in wanted_files(files)] == [
        "config.json",
        "1_Pooling/config.json",
        "vocab.txt",
        "model.safetensors",
    ]
    assert [f.name for f in wanted_files(remote("pytorch_model.bin"))] == ["pytorch_model.bin"]


def test_a_large_vocabulary_is_a_text_and_a_set_of_data_is_none() -> None:
    sizes = {"tokenizer.json": 17_000_000, "a.json": 32 * 2**20, "train.json": 32 * 2**20 + 1}
    files = [RemoteFile(name, size, None, None) for name, size in sizes.items()]
    chosen = wanted_files(files + remote("model.safetensors"))
    assert [file.name for file in chosen] == ["tokenizer.json", "a.json", "model.safetensors"]


def test_a_repository_without_weights_is_refused(hub: Any) -> None:
    hub.add("me/photos", {"config.json": b"{}", "data.csv": b"1"})
    with pytest.raises(UnavailableError, match=r"me/photos: no model\.safetensors"):
        download(ME)


def test_parallel_calls_download_once_and_agree(hub: Any) -> None:
    hub.add("me/photos", FILES)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(download, [ME] * 4))
    assert len({snapshot.path for snapshot in found}) == 1
    assert hub.downloads("model.safetensors") == 1


@pytest.mark.parametrize("setting", ["RANKZOO_CACHE", "HF_HOME"])
def test_a_cache_that_cannot_be_written_is_told(
    hub: Any, caches: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    hub.add("me/photos", FILES)
    (caches / "a_file").write_text("in the way")
    monkeypatch.setenv(setting, str(caches / "a_file" / "below"))
    with pytest.raises(UnavailableError, match="cannot be written") as error:
        download(ME)
    assert setting in error.value.hint


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_read_only_cache_serves_what_it_holds_and_says_no_to_the_rest(
    hub: Any, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    hub.add("me/photos", FILES)
    hub.add("me/other", FILES)
    first = download(ME)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert download(ME) == first
    with pytest.raises(UnavailableError, match="cannot be written"):
        download(HubSource("me/other"))


def test_progress_counts_mebibytes(hub: Any) -> None:
    hub.add("me/photos", {**FILES, "model.safetensors": bytes(3 * 2**20 + 5)})
    seen: dict[str, list[Any]] = {}

    def track(items: Any, description: str, total: int | None = None) -> Any:
        seen[description] = [total, 0]
        for item in items:
            seen[description][1] += 1
            yield item

    download(ME, track=track)
    assert seen["model.safetensors (MiB)"] == [4, 3]
