"""What a detector finds is told as it finds it, and what serving needs is named."""

from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient
from torch import nn

from zoo.detection.detect import Detection
from zoo.errors import DataError, IntegrityError, RankzooError, UnavailableError, UsageError
from zoo.serve import extra
from zoo.serve.app import create_app
from zoo.serve.detector import Detector
from zoo.serve.refusal import RefusedError, body_of, headers_of, status_of
from zoo.serve.service import Service


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Detector:
    """One that finds a box as large as its image."""

    def find_boxes(model: nn.Module, image: Image.Image) -> list[Detection]:
        assert not model.training
        return [Detection("all", 0.5, (0.0, 0.0, float(image.width), float(image.height)))]

    monkeypatch.setattr("zoo.detection.detect.find_boxes", find_boxes)
    return Detector(nn.Linear(1, 1), "boxes")


def test_each_image_gets_its_own_boxes_and_its_size(detector: Detector) -> None:
    found = detector.find([Image.new("RGB", (4, 3)), Image.new("RGB", (5, 6))])
    assert [(boxes.width, boxes.height) for boxes in found] == [(4, 3), (5, 6)]
    assert [boxes.detections[0].box for boxes in found] == [(0, 0, 4, 3), (0, 0, 5, 6)]


def test_boxes_are_asked_for_over_the_api(
    detector: Detector, open_service: Callable[..., Service]
) -> None:
    service = open_service()
    service.detector = detector
    buffer = BytesIO()
    Image.new("RGB", (4, 3)).save(buffer, "PNG")
    with TestClient(create_app(service), base_url="http://localhost") as ask:
        assert ask.get("/api/indexes").json()["detector"] == "boxes"
        found = ask.post("/api/detect", content=buffer.getvalue()).json()
    box = {"label": "all", "score": 0.5, "box": [0, 0, 4, 3]}
    assert found == {"width": 4, "height": 3, "detections": [box]}


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    extra.check_installed()

    def without(name: str) -> Any:
        return None if name in ("fastapi", "uvicorn") else find_spec(name)

    monkeypatch.setattr(extra, "find_spec", without)
    with pytest.raises(UsageError, match="serving needs fastapi, uvicorn") as told:
        extra.check_installed()
    assert told.value.hint == "pip install 'rankzoo[serve]'"


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (UsageError("a", "b"), 400, {}),
        (UnavailableError("a", "b"), 404, {}),
        (DataError("a", "b"), 422, {}),
        (IntegrityError("a", "b"), 503, {}),
        (RankzooError("a", "b"), 500, {}),
        (RefusedError(401, "a", "b"), 401, {"WWW-Authenticate": "Bearer"}),
        (RefusedError(429, "a", "b", retry_after=0), 429, {"Retry-After": "0"}),
        (RefusedError(418, "a", "b"), 418, {}),
    ],
)
def test_an_error_has_the_status_of_its_kind(
    error: RankzooError, status: int, headers: dict[str, str]
) -> None:
    assert status_of(error) == status
    assert headers_of(error) == headers
    assert body_of(error) == {"error": "a", "code": status, "hint": "b"}
