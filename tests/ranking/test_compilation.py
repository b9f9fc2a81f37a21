"""Compiled and eager are one result; a machine without a compiler is no error."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import torch

from zoo.errors import UsageError
from zoo.ranking import compilation
from zoo.ranking.compilation import compiling, fused


def compiled_kernel(values: torch.Tensor) -> torch.Tensor:
    return values * 2


def kernel(values: torch.Tensor) -> torch.Tensor:
    return values * 2


# In a process of its own: under the tests' type checks no kernel can be compiled.
AGREE = """
import logging, sys, torch
from zoo.losses import LOSSES
from zoo.ranking.compilation import compiling
logging.getLogger("rankzoo").addHandler(logging.StreamHandler())
torch.set_num_threads(1)
torch.manual_seed(0)
vectors = torch.nn.functional.normalize(torch.randn(60, 8), dim=1)
labels = torch.stack([torch.arange(60) // 5, torch.arange(60) // 15], dim=1)
for name in sys.argv[1:]:
    found = {}
    for mode in ("never", "always"):
        leaf = vectors.clone().requires_grad_()
        with compiling(mode):
            value = LOSSES[name]()(leaf, labels)
            value.backward()
        found[mode] = value.detach(), leaf.grad
    torch.testing.assert_close(found["always"], found["never"], rtol=1e-4, atol=1e-5)
"""


@pytest.mark.slow
def test_compiled_and_eager_agree_whatever_processor_filled_the_cache(tmp_path: Path) -> None:
    """The second process finds what the first compiled, for vectors of another length.

    40 s: compiling takes 10 s a loss.
    """
    place = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    place.pop("ATEN_CPU_CAPABILITY", None)
    one_a_kind_of_step = ["fast_ap", "recall_at_k", "sup_hap"]
    no_vectors = {"ATEN_CPU_CAPABILITY": "default"}
    for kind, losses in ((place, one_a_kind_of_step), (place | no_vectors, ["recall_at_k"])):
        command = [sys.executable, "-W", "ignore", "-c", AGREE, *losses]
        done = subprocess.run(command, env=kind, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "not compiled" not in done.stderr


def test_small_galleries_are_not_worth_compiling() -> None:
    with compiling("auto"):
        assert fused(kernel, compilation.WORTH_COMPILING - 1, torch.device("cpu")) is kernel


def test_without_a_compiler_the_kernel_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_compiler_present", lambda device: False)
    with compiling("always"):
        assert fused(kernel, 1_000_000, torch.device("cpu")) is kernel


def test_an_unknown_mode_is_refused_by_name() -> None:
    with compiling("perhaps"), pytest.raises(UsageError, match="RANKZOO_COMPILE is 'perhaps'"):
        fused(kernel, 1, torch.device("cpu"))


@pytest.mark.parametrize(
    ("mode", "gallery", "compiler", "compiled"),
    [
        ("auto", 4095, True, False),
        ("auto", 4096, True, True),
        ("auto", 4096, False, False),
        ("always", 1, True, True),
        ("never", 1_000_000, True, False),
    ],
)
def test_a_kernel_is_compiled_where_it_pays_and_can_be(
    mode: str, gallery: int, compiler: bool, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "_compiler_present", lambda device: compiler)
    monkeypatch.setattr(compilation, "_compiled", lambda kernel: compiled_kernel)
    with compiling(mode):
        found = fused(kernel, gallery, torch.device("cpu"))
    assert found == (compiled_kernel if compiled else kernel)


def test_a_kernel_that_does_not_compile_runs_as_it_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def compiler(kernel: object, **how: bool) -> object:
        def broken(values: torch.Tensor) -> torch.Tensor:
            asked.append(how)
            raise torch._dynamo.exc.TorchDynamoException("no such operator")

        return broken

    monkeypatch.setattr(torch, "compile", compiler)
    run = compilation._compiled.__wrapped__(kernel)
    with caplog.at_level("WARNING", logger="rankzoo"):
        for _ in range(2):
            assert run(torch.ones(2)).tolist() == [2, 2]
    assert asked == [{"dynamic": True, "fullgraph": True}]  # once, for sizes that vary
    assert caplog.messages == ["not compiled, still exact: no such operator"]


def test_a_kernel_that_fails_half_way_starts_from_what_it_was_given() -> None:
    def fails(values: torch.Tensor) -> torch.Tensor:
        values.mul_(2)
        torch._dynamo.graph_break()
        return values.mul_(3 + zlib.crc32(b""))  # not to be traced: a warning, here an error

    assert compilation._compiled.__wrapped__(fails)(torch.ones(2)).tolist() == [6, 6]


def test_more_kinds_of_arguments_than_are_compiled_run_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compilation, "VARIANTS", 1)
    run = compilation._compiled.__wrapped__(kernel)
    for dtype in (torch.float32, torch.float64, torch.int64):
        assert run(torch.ones(3, dtype=dtype)).tolist() == [2, 2, 2]


def test_a_compiled_kernel_is_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda kernel, **how: lambda values: values * 3)
    assert compilation._compiled.__wrapped__(kernel)(torch.ones(1)).tolist() == [3]


def test_the_mode_is_set_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANKZOO_COMPILE", "never")
    with compiling("always"):
        assert os.environ["RANKZOO_COMPILE"] == "always"
    with pytest.raises(UsageError), compiling("sometimes"):
        fused(kernel, 1, torch.device("cpu"))
    assert os.environ["RANKZOO_COMPILE"] == "never"
