"""The report of a network's forms: ratios belong to the rates beside them, no form changes much."""

from pathlib import Path

import pytest
import torch

from zoo.benchmarks.embedding import Forms, benchmark_embedding, forms_of
from zoo.models import Embedder, EmbedderConfig


def test_a_row_says_how_fast_a_form_is_and_what_it_changes(tmp_path: Path) -> None:
    forms = Forms("test_efficientnet", size=32, batch=4, repeats=1)
    usual, last, half = benchmark_embedding(tmp_path, forms)
    assert [row["form"] for row in (usual, last, half)] == [
        "usual layout",
        "channels last",
        "bfloat16",
    ]
    for row in (last, half):
        assert row["times"] == pytest.approx(row["images_per_s"] / usual["images_per_s"])  # type: ignore[operator]
    assert usual["cosine_lost"] == 0
    assert float(last["cosine_lost"]) < 1e-6 < float(half["cosine_lost"]) < 1e-2


def test_forms_that_start_slowly_are_run_only_when_asked_for(tmp_path: Path) -> None:
    model, example = Embedder(EmbedderConfig("test_resnet")), torch.zeros(2, 3, 32, 32)
    few, all_ = (forms_of(model, tmp_path, example, every=every) for every in (False, True))
    assert set(all_) - set(few) == {"torch.compile", "onnxruntime", "openvino"}
    assert list(tmp_path.iterdir()) == []
