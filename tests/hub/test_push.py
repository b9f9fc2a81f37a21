import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

import zoo
from zoo.cards.recipe_card import recipe_card
from zoo.cards.schema import problems
from zoo.cards.shelf import read_card
from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import write_json
from zoo.hub.checking import check_cards, write_recipe_card, write_run_card
from zoo.hub.push import PushOptions, push
from zoo.models import Embedder, EmbedderConfig, save_embedder
from zoo.recipes import RECIPES
from zoo.recipes.values import to_json

# The client itself passes `data=` where its HTTP library now wants `content=`.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

RESULTS = {
    "protocol": "query-gallery",
    "definition": "Every query is searched in the gallery.",
    "metrics": {"recall_at_1": 0.25, "map_at_r": 0.125},
    "queries": 4,
    "gallery": 4,
    "seed": 7,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder as training leaves it, around a tiny network."""
    folder = tmp_path / "runs" / "tiny"
    torch.manual_seed(0)
    config = EmbedderConfig("resnet10t", dim=8, preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(Embedder(config), folder)
    write_json(folder / "recipe.json", to_json(RECIPES["emoji-recall_at_k"]))
    write_json(folder / "results.json", RESULTS)
    (folder / "metrics.jsonl").write_text('{"step": 1}\n')
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.pt").write_bytes(b"optimiser state")
    return folder


def forget_downloads(caches: Path) -> None:
    shutil.rmtree(caches / "hf", ignore_errors=True)
    shutil.rmtree(caches / "rankzoo", ignore_errors=True)


def features(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = model(torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32))
    return out


def test_what_is_pushed_loads_from_a_fresh_cache_with_identical_embeddings(
    hub: Any, run: Path, caches: Path
) -> None:
    before = features(zoo.load(str(run)))
    pushed = push(run, "me/tiny")
    forget_downloads(caches)
    assert torch.equal(features(zoo.load(f"me/tiny@{pushed.commit}")), before)
    assert torch.equal(features(zoo.load("me/tiny")), before)


def test_one_commit_holds_weights_config_card_and_results_and_no_checkpoints(
    hub: Any, run: Path
) -> None:
    pushed = push(run, "me/tiny")
    held = hub.repos["me/tiny"].commits[pushed.commit]
    assert held.keys() - {".gitattributes"} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "rankzoo.json",
        "recipe.json",
        "results.json",
        "metrics.jsonl",
        ".eval_results/rankzoo.yaml",
    }
    assert len(hub.commit_messages) == 1
    assert held["model.safetensors"] == (run / "model.safetensors").read_bytes()
    assert {name: len(body) for name, body in held.items() if name in pushed.files} == pushed.files


def test_the_card_passes_our_schema_and_the_hubs_reader(hub: Any, run: Path, caches: Path) -> None:
    commit = push(run, "me/tiny").commit
    text = hub.repos["me/tiny"].commits[commit]["README.md"].decode()
    path = caches / "tiny.md"
    path.write_text(text)
    assert check_cards([path]) == ["tiny"]
    data: Any = ModelCard(text).data
    assert data.license == "apache-2.0"
    assert data.library_name == "rankzoo"
    found = {r.metric_type: (r.metric_value, r.metric_args["seed"]) for r in data.eval_results}
    assert found == {"recall_at_1": (0.25, 7), "map_at_r": (0.125, 7)}
    assert 'zoo.load("me/tiny")' in text


def test_the_eval_results_are_read_by_the_hubs_own_parser(hub: Any, run: Path) -> None:
    commit = push(run, "me/tiny", PushOptions(dataset="me/emoji")).commit
    body = hub.repos["me/tiny"].commits[commit][".eval_results/rankzoo.yaml"]
    entries = parse_eval_result_entries(yaml.safe_load(body))
    assert [(e.dataset_id, e.task_id, e.value) for e in entries] == [
        ("me/emoji", "recall_at_1", 0.25),
        ("me/emoji", "map_at_r", 0.125),
    ]
    assert "seed 7" in str(entries[0].notes)


def test_a_dry_run_sends_nothing(hub: Any, run: Path) -> None:
    planned = push(run, "me/tiny", dry_run=True)
    assert planned.files["model.safetensors"] == (run / "model.safetensors").stat().st_size
    assert hub.requests == []
    assert planned.files.keys() == push(run, "me/tiny").files.keys()


def test_an_upload_may_take_a_second_for_each_hundred_thousand_bytes(
    hub: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earned: list[float] = []
    monkeypatch.setattr("zoo.hub.patience.Patience.earn", lambda self, s: earned.append(s))
    sent = push(run, "me/tiny", PushOptions(licence="mit"))
    assert earned[0] == pytest.approx(sum(sent.files.values()) / 100_000)


def test_private_is_private_and_never_falls_back_to_a_public_repository(
    hub: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    push(run, "me/secret", PushOptions(private=True))
    assert hub.repos["me/secret"].private
    hub.create("me/public", private=False)
    with pytest.raises(UsageError, match="exists and is public"):
        push(run, "me/public", PushOptions(private=True))
    assert "model.safetensors" not in next(iter(hub.repos["me/public"].commits.values()))


def test_an_interrupted_push_leaves_no_half_repository_and_sends_no_weights_twice(
    hub: Any, run: Path, naps: list[float]
) -> None:
    hub.fail("POST", "/commit/", 500, times=99)
    with pytest.raises(UnavailableError, match="500"):
        push(run, "me/tiny")
    assert [set(files) for files in hub.repos["me/tiny"].commits.values()] == [{".gitattributes"}]
    hub.faults.clear()
    push(run, "me/tiny")
    assert sum(method == "PUT" for method, _ in hub.requests) == 1


def test_bytes_that_arrive_wrong_are_noticed(
    hub: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(dict[str, bytes]):
        def __getitem__(self, key: str) -> bytes:
            return super().__getitem__(key)[:-1]

    hub.lfs = Forgetful()
    with pytest.raises(IntegrityError, match="holds other weights"):
        push(run, "me/tiny")


@pytest.mark.parametrize("repo", ["tiny", "me/tiny@v1", "../me/tiny", ""])
def test_a_wrong_repository_name_is_refused_before_anything_is_sent(
    hub: Any, run: Path, repo: str
) -> None:
    with pytest.raises(UsageError, match="owner/name"):
        push(run, repo)
    assert hub.requests == []


def test_weights_of_unknown_licence_ask_for_one(hub: Any, run: Path) -> None:
    (run / "recipe.json").unlink()
    with pytest.raises(UsageError, match="licence") as error:
        push(run, "me/tiny")
    assert "--license" in error.value.hint
    push(run, "me/tiny", PushOptions(licence="mit"))


def test_a_card_of_ones_own_is_sent_as_it_is(hub: Any, run: Path) -> None:
    (run / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    commit = push(run, "me/tiny").commit
    assert hub.repos["me/tiny"].commits[commit]["README.md"] == (run / "README.md").read_bytes()


def test_a_licence_beside_a_card_of_ones_own_is_refused(hub: Any, run: Path) -> None:
    (run / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    with pytest.raises(UsageError, match="--license apache-2.0: .*README.md is the card"):
        push(run, "me/tiny", PushOptions(licence="apache-2.0"))
    assert "me/tiny" not in hub.repos


def test_the_data_of_results_that_are_not_there_are_refused(hub: Any, run: Path) -> None:
    (run / "results.json").unlink()
    with pytest.raises(UsageError, match="--dataset me/data: .*no results"):
        push(run, "me/tiny", PushOptions(dataset="me/data"), dry_run=True)


@pytest.mark.parametrize("repo", [None, "me/tiny"])
def test_card_new_writes_a_valid_card_once(run: Path, repo: str | None) -> None:
    path = write_run_card(run, run / "README.md", repo=repo)
    card = read_card(path)
    assert problems(card, RECIPES) == []
    assert card.block["recipe"] == "emoji-recall_at_k"
    assert card.block["loss"] == "recall_at_k"
    assert [(r.metric, r.value) for r in card.results] == [
        ("recall_at_1", 0.25),
        ("map_at_r", 0.125),
    ]
    with pytest.raises(UsageError, match="already exists"):
        write_run_card(run, path)


def test_card_new_of_a_recipe_is_what_ships_and_is_written_once(tmp_path: Path) -> None:
    path = write_recipe_card("sop-resnet50-supap", tmp_path / "new.md")
    assert path == tmp_path / "new.md"
    assert check_cards([path]) == ["new"]
    assert path.read_text(encoding="utf-8") == recipe_card("sop-resnet50-supap")
    with pytest.raises(UsageError, match="already exists"):
        write_recipe_card("sop-resnet50-supap", path)


def test_a_damaged_results_file_is_refused(run: Path) -> None:
    (run / "results.json").write_text("{")
    with pytest.raises(IntegrityError, match=r"results\.json"):
        write_run_card(run, run / "README.md")


def test_a_base_model_from_the_hub_is_named_with_its_pinned_commit(hub: Any, run: Path) -> None:
    commit = hub.add("timm/resnet50.tv_in1k", {"config.json": b"{}", "model.safetensors": b""})
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["network"]["backbone"] = "resnet50.tv_in1k"
    write_json(run / "recipe.json", recipe)
    from zoo.cards.sources import HubSource
    from zoo.hub.download import download

    download(HubSource("timm/resnet50.tv_in1k"))
    card = read_card(write_run_card(run, run / "README.md"))
    assert card.front["base_model"] == "timm/resnet50.tv_in1k"
    assert card.block["base_revision"] == commit
    assert card.license == "bsd-3-clause"
