"""The whole path on tiny images, each run carried out in this process."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.experiments.candidate import Candidate, choose
from zoo.experiments.claims import CLAIMS, arms
from zoo.experiments.cost import START_S, estimate
from zoo.experiments.options import CompareOptions, parse_budget, plan
from zoo.experiments.plan import Place, Plan
from zoo.experiments.report import write_result
from zoo.experiments.result import result_of
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import Launch, carry_out
from zoo.experiments.settings import open_settings
from zoo.experiments.trial import spent
from zoo.models.text_encoder import TextEncoder
from zoo.recipes import Recipe
from zoo.recipes.recipe import Batch, Captions, LossTerm
from zoo.tasks import load_folder

Build = Callable[[RunStore, Place], Launch]


def test_losses_are_tuned_run_and_put_in_a_table(
    plan_of: Callable[..., Plan],
    place_at: Callable[[Path], Place],
    in_process: Build,
    tmp_path: Path,
) -> None:
    hot = Candidate("hot", LossTerm("triplet"), own=({"optimiser.lr": 1e30},))
    big = Candidate("big", LossTerm("triplet"), changes={"batch.size": 512})
    whole = plan_of("untrained,smooth_ap,recall_at_k", hot, big, seeds=2)
    store = RunStore(whole, tmp_path)
    carry_out(store, in_process(store, place_at(tmp_path)))
    claim = CLAIMS["h_ap_trades_fine_for_coarse"]
    result = result_of(store, [claim], "rankzoo compare")
    assert result.complete
    rows = {row.name: row for row in result.standings}
    for name in ("untrained", "smooth_ap"):
        assert rows[name].note == ""
        assert 0 <= rows[name].metrics["decomposability_gap"].mean <= 1
    assert rows["smooth_ap"].seeds == 2
    assert rows["smooth_ap"].step_seconds > 0
    assert rows["smooth_ap"].memory_bytes > 50e6
    assert rows["smooth_ap"].point["loss.tau"] in (0.01, 0.05)
    assert "diverged" in rows["hot"].note
    assert "classes" in rows["big"].note
    assert "ks is" in rows["recall_at_k"].note, "a batch of eight is too short for RS@16"
    assert result.verdicts[0].answer == "unclear", "SupAP took no part"

    write_result(result, tmp_path)
    text = (tmp_path / "results.json").read_text()
    kept = json.loads(text)
    assert "NaN" not in text
    assert kept["complete"] is True
    assert [row["name"] for row in kept["standings"]] == list(rows)
    assert len(kept["curves"]["smooth_ap"]) == 4
    page = (tmp_path / "index.html").read_text()
    for text in ("Standings", "Significance", "Learning curves", "unfit: ", "rankzoo compare"):
        assert text in page
    assert "| smooth_ap |" in (tmp_path / "table.md").read_text()


def test_a_run_that_counts_is_a_model_folder_and_tuning_leaves_no_weights(
    plan_of: Callable[..., Plan],
    place_at: Callable[[Path], Place],
    in_process: Build,
    tmp_path: Path,
) -> None:
    whole = plan_of("triplet")
    store = RunStore(whole, tmp_path)
    carry_out(store, in_process(store, place_at(tmp_path)))
    tuning = store.run(store.tuning(whole.candidate("triplet"))[0])
    assert not list(tuning.glob("*.safetensors"))
    final = next((tmp_path / "runs" / "triplet").glob("final-*-seed-0"))
    assert load_folder(final)
    results = json.loads((final / "results.json").read_text())
    assert results["protocol"] == "self-retrieval"
    assert results["metrics"]["recall_at_1"] > 0
    assert not (final / "checkpoints").exists()


class Words(TextEncoder):
    """A text encoder without a transformer: each text is a random point of its own."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.dim = 16

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
        seeds = [sum(text.encode()) for text in texts]
        drawn = [torch.randn(16, generator=torch.Generator().manual_seed(s)) for s in seeds]
        return torch.nn.functional.normalize(torch.stack(drawn), dim=1)


def test_pair_losses_are_compared_on_captions(
    base: Recipe,
    place_at: Callable[[Path], Place],
    in_process: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.experiments.trial.load_encoder", lambda *_, **__: Words())
    captioned = replace(
        base,
        network=replace(base.network, dim=16),
        captions=Captions(),
        loss=LossTerm("info_nce"),
        batch=Batch(8, sampler="shuffled"),
    )
    taking_part = tuple(choose("untrained,info_nce", captions=True))
    whole = Plan(captioned, taking_part, 2, rates=(1e-3,), steps=10, tuning_steps=3)
    store = RunStore(whole, tmp_path)
    carry_out(store, in_process(store, place_at(tmp_path)))
    result = result_of(store, [])
    assert result.complete
    assert result.shown[0] == "t2i_recall_at_1"
    rows = {row.name: row for row in result.standings}
    assert [rows[name].seeds for name in ("untrained", "info_nce")] == [2, 2]
    assert rows["info_nce"].note == ""
    assert 0 <= rows["info_nce"].metrics["t2i_recall_at_10"].mean <= 100
    write_result(result, tmp_path)
    assert "name → image R@1" in (tmp_path / "table.md").read_text()


def test_the_cost_of_a_plan_grows_with_its_runs(
    plan_of: Callable[..., Plan], place_at: Callable[[Path], Place], tmp_path: Path
) -> None:
    whole = plan_of("untrained,smooth_ap", seeds=3)
    cost = estimate(whole, place_at(tmp_path))
    assert cost["seconds_per_step"] > 0
    assert cost["hours"] == pytest.approx(cost["tuning_hours"] + cost["final_hours"])
    runs = sum(whole.tuning_runs(c) + len(whole.seeds_of(c)) for c in whole.candidates)
    assert runs > 4
    assert cost["hours"] * 3600 > runs * START_S, "each run has to start"
    assert not list(tmp_path.iterdir())


@pytest.fixture
def options(photos: Path, backbone: Path, tmp_path: Path) -> CompareOptions:
    return CompareOptions(
        photos, tmp_path / "out", backbone=str(backbone), losses="triplet", seeds=1
    )


def test_levels_that_are_asked_for_are_those_compared(options: CompareOptions) -> None:
    whole, settings = plan(replace(options, changes=["data.levels=1"]))
    assert whole.base.data.levels == settings["recipe"]["data"]["levels"] == 1
    whole, _ = plan(replace(options, changes=['data={"levels": 1}']))
    assert whole.base.data.levels == 1


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("loss.tau=0.1", "loss.tau"),
        ("extra_loss=calibration", "extra_loss"),
        ("engine.evaluate_every=5", "engine.evaluate_every"),
        ("engine.checkpoint_every=5", "engine.checkpoint_every"),
        ('engine={"checkpoint_every": 5}', "engine.checkpoint_every"),
    ],
)
def test_what_a_comparison_sets_itself_is_refused(
    options: CompareOptions, change: str, key: str
) -> None:
    with pytest.raises(UsageError, match=f"--set {key}: "):
        plan(replace(options, changes=[change]))


def test_a_batch_that_tuning_cannot_fill_is_told(
    options: CompareOptions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rankzoo")
    plan(replace(options, batch_size=100))
    assert "100 were asked for" in caplog.text


def test_without_a_recipe_its_backbone_is_asked_for(options: CompareOptions) -> None:
    with pytest.raises(UsageError, match="--backbone"):
        plan(replace(options, backbone=None))


def test_an_order_becomes_a_plan_with_every_label_level_and_a_batch_that_tuning_fills(
    options: CompareOptions,
) -> None:
    whole, settings = plan(options)
    assert whole.base.data.levels == 2
    assert whole.base.batch.size // whole.base.batch.per_class <= 10
    assert whole.tuning_steps == whole.steps // 4
    assert settings["steps"] == whole.steps
    assert len(whole.rates) == 2
    assert (whole.method, whole.trials) == ("tpe", 8)
    assert settings["method"] == "tpe"


def test_a_folder_goes_on_with_the_search_it_was_begun_with(options: CompareOptions) -> None:
    grid = replace(options, search="grid", rates="1,2,4")
    open_settings(options.out, plan(grid)[1])
    assert plan(replace(options, rates="1,2,4"))[0].method == "grid"
    open_settings(options.out, plan(replace(options, rates="1,2,4,8"))[1])
    with pytest.raises(UsageError, match="another method: grid → tpe"):
        open_settings(options.out, plan(replace(options, search="tpe"))[1])
    with pytest.raises(UsageError, match="--trials 5: a grid"):
        plan(replace(options, trials=5))


def test_claims_bring_their_candidates_along(options: CompareOptions) -> None:
    whole, _ = plan(replace(options, losses="", claims="blackbox_margin,blackbox_memory"))
    assert [c.name for c in whole.candidates] == [
        "rambo-no-margin",
        "blackbox_recall",
        "rambo-memory-3",
    ]
    assert {side.name for side in arms(CLAIMS["blackbox_memory"])} <= {
        c.name for c in whole.candidates
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"losses": ""}, "nothing to compare"),
        ({"losses": "smoth_ap"}, "no such loss"),
        ({"changes": ("loss.tau=0.1",)}, "what is compared"),
        ({"rates": "1,none"}, "--rates none"),
        ({"rates": "0"}, "--rates 0"),
        ({"rates": "1,2,4"}, "over all rates between two ends"),
        ({"recipe": "emoji-recal"}, "unknown"),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_anything_runs(
    options: CompareOptions, change: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        plan(replace(options, **change))  # type: ignore[arg-type]


def test_a_budget_is_a_number_with_a_unit() -> None:
    assert [parse_budget(t) for t in ("90", "90s", "5m", "2h", "1d")] == [90, 90, 300, 7200, 86400]
    assert parse_budget("") == float("inf")
    for wrong in ("soon", "-1h", "h"):
        with pytest.raises(UsageError, match="--budget"):
            parse_budget(wrong)


def test_time_and_memory_of_a_process_that_was_killed_before_evaluation_count(
    tmp_path: Path,
) -> None:
    assert spent(tmp_path, 90.0, 700) == (90.0, 700)
    assert spent(tmp_path, 0.0, 300) == (90.0, 700), "nothing was left to train"
