"""An exported detector in mmdetection's own hands: the same boxes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.export.test_detector import detector, image
from zoo.detection.bridge import require_mmdet, without_warnings
from zoo.detection.detect import find_boxes
from zoo.detection.plain import mmdetection_config, plain_weights
from zoo.export.run import ExportOptions, export
from zoo.recipes.detector import LOSSES_OF

HEADS = ("rank_sort", "blackbox_ap")  # AP and aLRP have the heads of Rank & Sort
KINDS = [(kind, loss) for kind, losses in LOSSES_OF.items() for loss in losses if loss in HEADS]

pytestmark = pytest.mark.long  # mmdet.apis takes seconds to import


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    image().save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def theirs(config: Any, checkpoint: str, photo: Path) -> np.ndarray[Any, Any]:
    """What mmdetection finds: label, score, box; best first."""
    require_mmdet()
    from mmdet.apis import inference_detector, init_detector

    with without_warnings():
        model = init_detector(config, checkpoint, device="cpu")
        found = inference_detector(model, str(photo)).pred_instances
    rows = torch.cat([found.labels[:, None], found.scores[:, None], found.bboxes], dim=1)
    return rows[found.scores.argsort(descending=True, stable=True)].numpy()


def ours(model: Any, photo: Path) -> np.ndarray[Any, Any]:
    with Image.open(photo) as opened:
        found = find_boxes(model, opened.convert("RGB"), threshold=0.0)
    return np.array([[model.labels.index(d.label), d.score, *d.box] for d in found])


def sure(kind: Any, loss: Any) -> Any:
    """A detector whose scores differ and pass the threshold."""
    model = detector(kind, loss)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if name.endswith(("_cls.weight", "fc_cls.weight")):
            torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize(("kind", "loss"), KINDS)
def test_every_kind_of_detector_finds_equal_boxes_there(
    kind: str, loss: str, photo: Path, tmp_path: Path
) -> None:
    model = sure(kind, loss)
    expected = ours(model, photo)
    assert len(expected) > 1
    from mmengine.config import Config

    config = Config(mmdetection_config(model.recipe, model.labels))
    assert "zoo" not in config.pretty_text
    state = plain_weights(model.state_dict(), model.recipe)
    checkpoint = tmp_path / "detector.pth"
    torch.save(
        {"state_dict": state, "meta": {"dataset_meta": {"classes": model.labels}}}, checkpoint
    )
    np.testing.assert_allclose(theirs(config, str(checkpoint), photo), expected, atol=1e-4)


def test_an_export_is_what_mmdetection_opens(photo: Path, tmp_path: Path) -> None:
    model = sure("faster_rcnn", "blackbox_ap")
    done = export(model, tmp_path / "out", ExportOptions(format="mmdetection"))
    assert done.largest_difference < 1e-6
    found = theirs(str(tmp_path / "out" / "detector.py"), str(done.file), photo)
    np.testing.assert_allclose(found, ours(model, photo), atol=1e-4)
