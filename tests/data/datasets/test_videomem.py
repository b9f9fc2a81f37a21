"""VideoMem on a miniature of its layout: its frames train, the mean of a video is measured."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from typer.testing import CliRunner

from cli.main import app
from zoo.data.attribute import read_attribute, with_lamem
from zoo.data.datasets.videomem import FRAMES, FrameOptions, read_videomem
from zoo.data.scored import ScoredSet
from zoo.errors import DataError
from zoo.metrics.correlation import spearman
from zoo.models.scorer import load_scorer

cv2 = pytest.importorskip("cv2", reason="OpenCV comes with the extra `detection`")
HEAD = (
    "video,short-term_memorability,nb_short-term_annotations,"
    "long-term_memorability,nb_long-term_annotations\n"
)


def film(path: Path, lightness: int, seconds: int = 7) -> None:
    """Write a video of two frames a second, each lighter than the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(
        str(path.with_suffix(".avi")), cv2.VideoWriter_fourcc(*"MJPG"), 2, (40, 32)
    )
    for number in range(2 * seconds):
        writer.write(np.full((32, 40, 3), lightness + 2 * number, np.uint8))
    writer.release()
    path.with_suffix(".avi").rename(path)


@pytest.fixture
def videomem(tmp_path: Path) -> Path:
    """Twenty videos, the lighter the later, the better known again; two share a value."""
    root = tmp_path / "memorability" / "dev-set"
    rows = []
    for number in range(20):
        film(root / f"sources/video{number}.webm", 10 * number)
        rows.append(f"video{number}.webm,{0.4 + min(number, 18) / 40},38,{number / 20},13\n")
    (root / "ground-truth").mkdir()
    (root / "ground-truth/ground-truth_dev-set.csv").write_text(HEAD + "".join(rows))
    return root


def lay_lamem(folder: Path) -> None:
    (folder / "splits").mkdir(parents=True)
    (folder / "images").mkdir()
    for place, split in enumerate(("train", "val", "test")):
        names = [f"{split}{n}.jpg" for n in range(2)]
        for name in names:
            PIL.Image.new("RGB", (32, 32)).save(folder / "images" / name)
        lines = "".join(f"{name} {0.5 + 0.1 * (place + n)}\n" for n, name in enumerate(names))
        (folder / f"splits/{split}_1.txt").write_text(lines)


def test_seven_frames_of_a_video_have_its_value(videomem: Path) -> None:
    train, test = read_videomem(videomem, ["train", "test"])
    assert (len(train), len(test)) == (16 * FRAMES, 4 * FRAMES)
    assert (train.counted, test.counted) == ("16 videos", "4 videos")
    names = {path.parent.name for part in (train, test) for path in part.paths}
    assert names == {f"video{n}" for n in range(20)}
    for part in (train, test):
        for path, target in zip(part.paths, part.targets[:, 0].tolist(), strict=True):
            number = int(path.parent.name.removeprefix("video"))
            assert target == pytest.approx(0.4 + min(number, 18) / 40)
            light = np.asarray(PIL.Image.open(path)).mean()
            assert light == pytest.approx(10 * number + 4 * int(path.stem), abs=2)  # a second each


def test_a_video_is_measured_by_the_mean_of_its_frames_and_equal_values_stay_equal() -> None:
    videos = torch.tensor([0, 0, 1, 1, 1])
    targets = torch.tensor([[0.1], [0.1], [0.7], [0.7], [0.7]])
    data = ScoredSet((), ("x",), targets, targets > 1, videos=videos)
    means, true = data.of_videos(torch.tensor([[1.0], [3.0], [0.0], [0.0], [9.0]]))
    assert means.tolist() == [[2.0], [3.0]]
    assert true.equal(torch.tensor([[0.1], [0.7]]))


def test_lamem_beside_the_videos_trains_too(videomem: Path) -> None:
    lay_lamem(videomem.parent / "lamem")
    column = "short-term_memorability"
    how = FrameOptions(drawn=False)
    train, test = read_attribute(videomem.parent, ["train", "test"], column, how)
    both = with_lamem(train, videomem.parent, how)
    assert len(both) == len(train) + 6
    assert both.outputs == test.outputs == (column,)
    (alone,) = read_attribute(videomem.parent, ["train"], "memorability")
    assert [path.name for path in alone.paths] == ["train0.jpg", "train1.jpg"]


def test_what_is_asked_of_a_plan_writes_no_frame(videomem: Path) -> None:
    read_videomem(videomem, ["train"], how=FrameOptions(drawn=False))
    assert not (videomem / "frames").exists()


def test_a_shorter_video_shows_its_last_frame_again(videomem: Path) -> None:
    film(videomem / "sources/video3.webm", 30, seconds=2)
    parts = read_videomem(videomem, ["train", "test"])
    frames = [p for part in parts for p in part.paths if p.parent.name == "video3"]
    assert len(frames) == FRAMES
    assert len({path.read_bytes() for path in frames}) == 2


def test_a_video_that_cannot_be_read_stops_or_is_left_out(videomem: Path) -> None:
    (videomem / "sources/video3.webm").write_bytes(b"no video")
    (videomem / "sources/video4.webm").unlink()
    with pytest.raises(DataError, match=r"video3\.webm: not one frame"):
        read_videomem(videomem, ["train", "test"])
    parts = read_videomem(videomem, ["train", "test"], how=FrameOptions("skip"))
    gone = sorted(Path(one.path).name for part in parts for one in part.skipped)
    assert gone == ["video3.webm", "video4.webm"]
    assert sum(map(len, parts)) == 18 * FRAMES


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("video1.webm,high,1,1,1", "row 2, column short-term_memorability: 'high' is no number"),
        ("../video1.webm,0.5,1,1,1", "row 2: '../video1.webm' is not the name of a video"),
        ("video1.webm,0.5,1,1,1\nvideo1.webm,0.6,1,1,1", "row 3: video1.webm stands there twice"),
        ("video1.webm,0.5,1,1,1", "no two different values in split train"),
        ("", "no two different values in split train"),
    ],
)
def test_what_is_wrong_with_the_values_is_said(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "ground-truth_dev-set.csv").write_text(f"{HEAD}{row}\n")
    with pytest.raises(DataError, match=message):
        read_videomem(tmp_path, ["train"], how=FrameOptions("skip"))


def test_the_command_trains_on_frames_and_measures_videos(videomem: Path, tmp_path: Path) -> None:
    run, data = tmp_path / "run", str(videomem.parent)
    small = ["network.backbone=efficientnet_lite0", "network.size=32", "network.hidden=64"]
    small += ["network.train_backbone=false", "schedule.epochs=1", "batch.size=16"]
    changes = [word for change in small for word in ("--set", change)]
    line = ["train", "videomem-resnet34-sodeep", *changes, "--data", data, "--out", str(run)]
    trained = CliRunner().invoke(app, [*line, "--json"])
    assert trained.exception is None, trained.output
    measured = CliRunner().invoke(app, ["eval", str(run), "--data", data, "--json"])
    found = json.loads(measured.stdout)
    (test,) = read_videomem(videomem, ["test"])
    scores = load_scorer(run).score_images(test.paths)
    frames = torch.tensor([row["short-term_memorability"] for row in scores]).view(-1, FRAMES)
    values = test.targets.view(-1, FRAMES)[:, 0]
    error = float((frames.mean(1) - values).abs().mean())
    assert found["metrics"]["mean_absolute_error"] == pytest.approx(error, rel=1e-4)
    assert found["metrics"]["spearman"] == pytest.approx(float(spearman(frames.mean(1), values)))
    assert found["gallery"] == 4
    assert "4 videos" in found["definition"]
