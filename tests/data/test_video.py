"""Frames of a video: one a second by default, in order, whatever else lies in the folder."""

from pathlib import Path

import numpy as np
import pytest

from zoo.data.video import frames
from zoo.detection.inputs import images_of, readable
from zoo.errors import DataError, UsageError

cv2 = pytest.importorskip("cv2", reason="OpenCV comes with the extra `detection`")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three seconds at ten frames each, lighter from second to second."""
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(30):
        writer.write(np.full((48, 64, 3), (10, 10, 60 + 60 * (number // 10)), np.uint8))  # BGR
    writer.release()
    return path


def test_a_frame_each_second_is_the_one_of_that_second(video: Path) -> None:
    found = list(frames(video, 1.0))
    assert [second for second, _ in found] == [0.0, 1.0, 2.0]
    for (_, image), red in zip(found, (60, 120, 180), strict=True):
        assert image.size == (64, 48)
        assert np.abs(np.asarray(image).reshape(-1, 3).mean(0) - (red, 10, 10)).max() < 8


def test_as_many_frames_as_are_asked_for(video: Path) -> None:
    assert len(list(frames(video, 0.5))) == 6
    assert len(list(frames(video, 0.01))) == 30
    assert len(list(frames(video, 60.0))) == 1


def test_what_is_no_video_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(DataError, match="not one frame"):
        list(frames(tmp_path / "a.mp4", 1.0))
    with pytest.raises(DataError, match="no such file"):
        list(frames(tmp_path / "b.mp4", 1.0))


def test_without_opencv_it_says_what_to_install(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(UsageError, match="is a video") as error:
        list(frames(video, 1.0))
    assert "pip install" in error.value.hint


def test_videos_are_found_in_folders_and_by_patterns(video: Path) -> None:
    (video.parent / ".hidden.avi").write_bytes(b"")
    assert images_of([video.parent]) == [video]
    assert images_of([video.parent / "*.avi"]) == [video]
    assert readable([video]) == ([video], [])
