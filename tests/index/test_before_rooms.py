"""An index made before the second plan of the rooms, at the commit 61a466a.

`before_rooms.zip` holds drawn shapes, and what that commit's command line made of them in a
folder `/data`: trained codes, whitening, two segments, a tombstone, and its own answers.

    rankzoo index build --model emoji-sup_hap --images photos --out idx --kind IVF2,SQ8 --refine 4
      --whiten --whitening-dim 8
    rankzoo index add idx --model emoji-sup_hap --images more
    rankzoo index remove idx --path disc/3.png
    rankzoo search idx asked/*.png --model emoji-sup_hap -k 4 [--where "label <> 'ring'"] --json
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.index import Hit, Index, Update

ASKED = [f"{shape}.png" for shape in ("disc", "ring", "square", "cross")]


@pytest.fixture(scope="module")
def model() -> Any:
    return zoo.load("emoji-sup_hap")


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The unpacked folder: `idx/`, the images, and `answers.json`."""
    shutil.unpack_archive(Path(__file__).with_name("before_rooms.zip"), tmp_path)
    return tmp_path


def found(index: Index, model: Any, before: Path, **options: Any) -> Sequence[Sequence[Hit]]:
    images = [before / "asked" / name for name in ASKED]
    return index.search(model.embed_images(images), 4, **options)


def test_it_is_opened_and_every_byte_is_as_it_was_signed(before: Path) -> None:
    index = Index.open(before / "idx")
    index.verify()
    info = index.info()
    assert (info["count"], info["removed"], info["segments"]) == (19, 1, 2)
    assert (info["kind"], info["whitened"], info["model"]) == ("IVF2,SQ8", True, "emoji-sup_hap")
    assert [event["event"] for event in info["history"]] == ["build", "add", "remove"]


@pytest.mark.parametrize("where", ["", "label <> 'ring'"])
def test_it_answers_as_it_answered_then(where: str, model: Any, before: Path) -> None:
    answers = json.loads((before / "answers.json").read_text(encoding="utf-8"))[where]
    assert [Path(answer["query"]).name for answer in answers] == ASKED
    hits = found(Index.open(before / "idx"), model, before, where=where or None)
    for now, answer in zip(hits, answers, strict=True):
        assert [[hit.record.id, str(hit.path)] for hit in now] == [
            [place, path] for place, path, _ in answer["hits"]
        ]
        scores = [score for _, _, score in answer["hits"]]
        assert [hit.score for hit in now] == pytest.approx(scores, abs=1e-3)


def test_it_follows_its_images_and_grows_and_what_was_removed_stays_so(
    model: Any, before: Path
) -> None:
    index = Index.open(before / "idx")
    assert index.relocate(before / "photos") == 4  # those added from another folder
    assert index.add(model, before / "asked") == Update(added=4, embedded=4)
    for hits, name in zip(found(index, model, before), ASKED, strict=True):
        assert hits[0].path == before / "asked" / name
        assert hits[0].score == pytest.approx(1, abs=1e-3)
    index.compact()
    index.verify()
    everything = [
        hit.path for hit in index.search(model.embed_images([before / "asked" / ASKED[0]]), 40)[0]
    ]
    assert len(everything) == len(index) == 23
    assert before / "photos" / "disc" / "3.png" not in everything
