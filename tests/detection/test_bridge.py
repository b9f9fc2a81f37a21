import sys
from pathlib import Path

import pytest

from zoo.detection import bridge
from zoo.detection.bridge import BridgedOperators, bridged_ops, install_bridge, require_mmdet
from zoo.errors import UnavailableError, UsageError


@pytest.fixture
def without_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, bridge.MODULE, raising=False)


def test_the_stack_imports_from_wheels_alone() -> None:
    require_mmdet()
    from mmcv.utils import ext_loader

    assert {"nms", "roi_align_forward"} <= set(bridged_ops())
    assert ext_loader.load_ext("_ext", ["nms", "never_heard_of"]) is sys.modules[bridge.MODULE]


def test_an_unknown_operator_is_named_when_it_is_called() -> None:
    with pytest.raises(UnavailableError, match="carafe_forward is compiled and has no bridge"):
        BridgedOperators().carafe_forward(1, key=2)


def test_a_dunder_is_no_operator() -> None:
    with pytest.raises(AttributeError):
        BridgedOperators().__wrapped__  # noqa: B018


@pytest.mark.usefixtures("without_bridge")
def test_a_compiled_mmcv_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_ext.py").write_text("nms = 'compiled'\n")
    import mmcv

    monkeypatch.setattr(mmcv, "__path__", [*mmcv.__path__, str(tmp_path)])
    assert not install_bridge()
    assert bridged_ops() == []
    assert bridge.MODULE not in sys.modules


@pytest.mark.usefixtures("without_bridge")
def test_installing_twice_keeps_the_first_bridge() -> None:
    assert install_bridge()
    first = sys.modules[bridge.MODULE]
    assert install_bridge()
    assert sys.modules[bridge.MODULE] is first


def test_an_absent_mmdetection_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "_installed", lambda name: name != "mmdet")
    with pytest.raises(UsageError, match="detection needs mmdet") as caught:
        require_mmdet()
    assert "rankzoo[detection]" in caught.value.hint
    monkeypatch.setattr(bridge, "_installed", lambda name: name != "mmcv")
    assert bridged_ops() == []


def test_an_incompatible_mmcv_is_one_line_with_both_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_mmdet()
    import mmcv

    monkeypatch.delitem(sys.modules, "mmdet")
    monkeypatch.setattr(mmcv, "__version__", "2.2.0")
    with pytest.raises(UsageError, match="MMCV==2.2.0 is used but incompatible") as caught:
        require_mmdet()
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2


def test_a_broken_stack_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "_installed", lambda name: True)
    monkeypatch.setitem(sys.modules, "mmdet", None)
    with pytest.raises(UsageError, match="mmdetection cannot be imported"):
        require_mmdet()
