import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from cli.main import main

FILES = {
    "config.json": b'{"architecture": "resnet18"}',
    "model.safetensors": save({"a": np.zeros(100, np.float32)}),
}


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rankzoo", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_download_prints_path_revision_and_files(
    hub: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = hub.add("me/photos", FILES)
    assert run(monkeypatch, "download", "me/photos@main", "--json") == 0
    value = answer(capsys)
    assert value["schema_version"] == 1
    assert value["revision"] == commit
    assert [f["name"] for f in value["files"]] == ["config.json", "model.safetensors"]
    assert Path(value["path"], "model.safetensors").read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("download", "me/nothing"), 4),
        (("download", "me/photos", "--revision", "v9"), 4),
        (("download", "me/photos", "--offline"), 4),
        (("download", "no_such_card"), 4),
        (("download", "me/photos@v1", "--revision", "v2"), 2),
        (("show", "no_such_card"), 4),
    ],
)
def test_errors_end_with_their_code_in_words_and_in_json(
    hub: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
) -> None:
    hub.add("me/photos", FILES)
    assert run(monkeypatch, *words) == code
    spoken = capsys.readouterr()
    assert spoken.out == ""
    assert len(spoken.err.strip().splitlines()) == 1
    assert run(monkeypatch, *words, "--json") == code
    assert answer(capsys).keys() == {"schema_version", "error", "code", "hint"}


def test_content_with_a_wrong_hash_ends_with_code_5(
    hub: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add("me/photos", FILES)
    hub.corrupt("model.safetensors", times=9)
    assert run(monkeypatch, "download", "me/photos", "--json") == 5
    assert answer(capsys)["code"] == 5


def test_a_dry_run_downloads_nothing(
    hub: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caches: Path
) -> None:
    hub.add("me/photos", FILES)
    assert run(monkeypatch, "download", "me/photos", "--dry-run", "--json") == 0
    assert {f["name"]: f["size"] for f in answer(capsys)["files"]} == {
        name: len(body) for name, body in FILES.items()
    }
    assert not list(caches.rglob("model.safetensors"))


def test_a_branch_is_asked_for_again_when_it_is_to_be_refreshed(
    hub: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("download", "me/photos", "--revision", "main", "--json")
    first = hub.add("me/photos", FILES)
    assert run(monkeypatch, *words) == 0
    assert answer(capsys)["revision"] == first
    second = hub.add("me/photos", {**FILES, "README.md": b"# Photos"})
    assert run(monkeypatch, *words, "--refresh") == 0
    assert answer(capsys)["revision"] == second != first


def test_list_and_show_speak_json_and_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list", "--json") == 0
    cards = answer(capsys)["cards"]
    assert "efficientnet_lite0" in [card["name"] for card in cards]
    assert run(monkeypatch, "show", "efficientnet_lite0", "--json") == 0
    assert answer(capsys)["license"] == "apache-2.0"
    assert run(monkeypatch, "list") == 0
    assert run(monkeypatch, "show", "efficientnet_lite0") == 0
    assert "18,826,032 bytes" in capsys.readouterr().out


def test_card_check_passes_the_shelf_and_ends_with_code_3_for_a_bad_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caches: Path
) -> None:
    assert run(monkeypatch, "card", "check", "--json") == 0
    assert "efficientnet_lite0" in answer(capsys)["checked"]
    (caches / "bad.md").write_text("---\nlicense: mit\nlicence: mit\n---\n# Bad\n")
    assert run(monkeypatch, "card", "check", str(caches / "bad.md"), "--json") == 3
    assert "did you mean 'license'" in answer(capsys)["error"]


def test_push_without_weights_ends_with_code_4(
    hub: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caches: Path
) -> None:
    (caches / "empty").mkdir()
    assert run(monkeypatch, "push", str(caches / "empty"), "me/photos", "--json") == 4
    assert "not a model folder" in answer(capsys)["error"]
    assert hub.requests == []
