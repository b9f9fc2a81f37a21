"""A file that another program computes gives what the network does: one tensor, or several."""

import logging
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.models.runtimes import needed, quiet, run_onnx, run_openvino

RUNNERS = {"onnxruntime": run_onnx, "openvino": run_openvino}


def doubled(path: Path, outputs: tuple[str, ...]) -> Path:
    """Write an ONNX file whose output n is (n + 2) times its images."""
    onnx = pytest.importorskip("onnx")
    helper, single = onnx.helper, onnx.TensorProto.FLOAT
    shape = ["batch", 3, 2, 2]
    nodes, constants = [], []
    for number, name in enumerate(outputs, start=2):
        constants.append(helper.make_tensor(f"by{number}", single, [1], [float(number)]))
        nodes.append(helper.make_node("Mul", ["images", f"by{number}"], [name]))
    images = helper.make_tensor_value_info("images", single, shape)
    found = [helper.make_tensor_value_info(name, single, shape) for name in outputs]
    graph = helper.make_graph(nodes, "doubled", [images], found, constants)
    version = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=version, ir_version=9), path)
    return path


@pytest.mark.parametrize("package", RUNNERS)
def test_one_output_is_a_tensor_and_several_are_as_many(package: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    run, images = RUNNERS[package], torch.rand(5, 3, 2, 2)
    one = run(doubled(tmp_path / "one.onnx", ("embeddings",)))(images)
    torch.testing.assert_close(one, 2 * images)
    both = run(doubled(tmp_path / "two.onnx", ("scores", "boxes")))(images)
    assert len(both) == 2
    for found, times in zip(both, (2, 3), strict=True):
        torch.testing.assert_close(found, times * images)


@pytest.mark.parametrize("package", RUNNERS)
def test_a_result_stays_when_the_next_is_computed(package: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    run = RUNNERS[package](doubled(tmp_path / "one.onnx", ("embeddings",)))
    first = run(torch.ones(1, 3, 2, 2))
    run(torch.zeros(1, 3, 2, 2))
    assert first.eq(2).all()


def test_the_last_of_the_packages_is_returned_and_a_missing_ones_extra_named() -> None:
    found: Any = needed("json", "math")
    assert found.pi > 3
    with pytest.raises(Exception, match="exporting needs no_such_package") as error:
        needed("json", "no_such_package", extra="openvino")
    assert "rankzoo[openvino]" in str(getattr(error.value, "hint", ""))


def test_exporters_are_quiet_inside_and_heard_again_after(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("exporter")
    with quiet():
        log.warning("inside")
        warnings.warn("inside", stacklevel=1)
    log.warning("after")
    assert caplog.messages == ["after"]
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)
