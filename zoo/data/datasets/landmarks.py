"""Google Landmarks v2: train_clean to learn from, index as gallery, the retrieval queries.

`train/a/b/c/abc….jpg` beside `train_clean.csv`, `index/` beside `index_image_to_landmark.csv`,
`test/` beside `retrieval_solution_v2.1.csv`; the hierarchy in `*_label_to_hierarchical.csv`. A part
whose CSV is absent is left out.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, need, read_csv
from zoo.errors import DataError

SOURCE = (
    "CSV files: s3.amazonaws.com/google-landmark/metadata (the solution: …/ground_truth); "
    "images: see github.com/cvdfoundation/google-landmark"
)
LEVELS = ("landmark", "hierarchical_label", "natural_or_human_made")
Upper = dict[str, tuple[str, ...]]


def read_landmarks(root: Path, *, hierarchy: bool = False) -> Reading:
    """Return train, gallery and query images; the level is the landmark.

    With `hierarchy`, two levels follow, and landmarks without a hierarchical label are left out. A
    query's `extra["relevant"]` holds the ids of its gallery images, separated by blanks.
    """
    parts = (_train, _gallery, _query)
    items = [item for part in parts for item in part(root, hierarchy)]
    if not items:
        raise DataError(f"{root / 'train_clean.csv'}: missing", SOURCE)
    return items, LEVELS if hierarchy else LEVELS[:1]


def _train(root: Path, hierarchy: bool) -> Iterator[Item]:
    path = root / "train_clean.csv"
    if path.exists():
        upper = _upper(root, "train", hierarchy)
        for row in read_csv(path, ("landmark_id", "images"), SOURCE):
            labels = _labels(row["landmark_id"], upper)
            for image in row["images"].split() if labels else ():
                yield Item(_place(root, "train", image), labels, "train")


def _gallery(root: Path, hierarchy: bool) -> Iterator[Item]:
    if (root / "index_image_to_landmark.csv").exists():
        upper = _upper(root, "index", hierarchy)
        for image, landmark in _landmark_of(root).items():
            if labels := _labels(landmark, upper):
                yield Item(_place(root, "index", image), labels, "gallery")


def _query(root: Path, hierarchy: bool) -> Iterator[Item]:
    path = root / "retrieval_solution_v2.1.csv"
    if path.exists():
        landmarks = _landmark_of(root)
        upper = _upper(root, "index", hierarchy)
        for number, row in enumerate(read_csv(path, ("id", "images"), SOURCE), start=2):
            relevant = row["images"].split()
            if relevant in ([], ["None"]):  # an ignored query
                continue
            if relevant[0] not in landmarks:
                message = f"{path} row {number}, column images: {relevant[0]} is in no landmark"
                raise DataError(message, SOURCE)
            if labels := _labels(landmarks[relevant[0]], upper):
                extra = {"relevant": " ".join(relevant)}
                yield Item(_place(root, "test", row["id"]), labels, "query", (), extra)


def _landmark_of(root: Path) -> dict[str, str]:
    path = need(root / "index_image_to_landmark.csv", SOURCE)
    return {row["id"]: row["landmark_id"] for row in read_csv(path, ("id", "landmark_id"), SOURCE)}


def _upper(root: Path, part: str, hierarchy: bool) -> Upper | None:
    if not hierarchy:
        return None
    path = root / f"{part}_label_to_hierarchical.csv"
    rows = read_csv(path, ("landmark_id", *LEVELS[1:]), SOURCE)
    labels = ((row["landmark_id"], tuple(row[level] for level in LEVELS[1:])) for row in rows)
    return {landmark: names for landmark, names in labels if all(names)}


def _labels(landmark: str, upper: Upper | None) -> tuple[str, ...]:
    if upper is None:
        return (landmark,)
    return (landmark, *upper[landmark]) if landmark in upper else ()


def _place(root: Path, part: str, image: str) -> Path:
    if len(image) < 3 or "/" in image:
        raise DataError(f"{root}: {image!r} of {part} is not the name of an image", SOURCE)
    return root / part / image[0] / image[1] / image[2] / f"{image}.jpg"


_MARKERS = ("train_clean.csv", "index_image_to_landmark.csv", "retrieval_solution_v2.1.csv")
GLDV2 = Layout(read_landmarks, _MARKERS, SOURCE)
GLDV2_HIERARCHICAL = Layout(partial(read_landmarks, hierarchy=True), _MARKERS, SOURCE)
