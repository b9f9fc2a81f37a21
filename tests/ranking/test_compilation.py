"""Compiled and eager are one result; a machine without a compiler is no error."""

import pytest
import torch

from zoo.errors import UsageError
from zoo.losses import LOSSES
from zoo.ranking import compilation
from zoo.ranking.compilation import compiling, fused


def kernel(values: torch.Tensor) -> torch.Tensor:
    return values * 2


# Tracing looks at every input's .grad, and torch warns, once a process, when that is not a leaf's.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["fast_ap", "recall_at_k", "sup_hap"])  # one a kind of step
def test_compiled_and_eager_agree(name: str) -> None:
    vectors = torch.nn.functional.normalize(torch.randn(60, 8), dim=1)
    labels = torch.stack([torch.arange(60) // 5, torch.arange(60) // 15], dim=1)
    results = {}
    for mode in ("never", "always"):
        leaf = vectors.clone().requires_grad_()
        with compiling(mode):
            value = LOSSES[name]()(leaf, labels)
            value.backward()
        results[mode] = value.detach(), leaf.grad
    torch.testing.assert_close(results["always"], results["never"], rtol=1e-4, atol=1e-5)


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
