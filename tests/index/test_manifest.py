"""A manifest is read back as it was written; one that contradicts itself is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import IntegrityError
from zoo.files import Facts
from zoo.index import ModelIdentity, Plan
from zoo.index.manifest import Manifest, SegmentFacts

WHERE = Path("idx/generation-000002.json")
VECTORS, GONE, TRAINED = "segments/000001/vectors.faiss", "segments/000001-removed-000002", "codes"
FACTS = Facts(48, "a" * 64)  # of three vectors of four float32 numbers: exactly


@pytest.fixture
def sound(identity: ModelIdentity) -> Manifest:
    """Three vectors, one of them removed, with trained codes."""
    segment = SegmentFacts("000001", 3, {VECTORS: FACTS, GONE: Facts(1, "b" * 64)}, GONE, 1)
    return Manifest(
        identity,
        dim=4,
        plan=Plan("IVF2,SQ8"),
        levels=("label",),
        segments=(segment,),
        next_id=3,
        trained=TRAINED,
        trained_facts=Facts(10, "c" * 64),
        history=({"event": "build"},),
    )


def as_file(manifest: Manifest) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(manifest.to_json()))
    return value


def test_it_comes_back_as_it_was_written(sound: Manifest) -> None:
    assert Manifest.from_json(as_file(sound), WHERE) == sound
    assert (sound.count, list(sound.files)) == (2, [VECTORS, GONE, TRAINED])


def test_all_of_a_segment_may_be_removed(sound: Manifest) -> None:
    emptied = replace(sound, segments=(replace(sound.segments[0], removed_count=3),))
    assert Manifest.from_json(as_file(emptied), WHERE).count == 0


Change = Callable[[dict[str, Any], dict[str, Any]], object]
CONTRADICTIONS: dict[str, Change] = {
    "another count": lambda value, _: value.update(count=3),
    "no dimension": lambda value, _: value.update(dim=0),
    "vectors that need more room": lambda value, _: value.update(dim=5),
    "another modality": lambda value, _: value.update(modality="sounds"),
    "a hash that is none": lambda value, _: value["trained_facts"].update(sha256="g" * 64),
    "a hash too short": lambda value, _: value["trained_facts"].update(sha256="a" * 63),
    "a file outside": lambda value, _: value.update(trained="../codes"),
    "an absolute file": lambda value, _: value.update(trained="/codes"),
    "a hidden file": lambda value, _: value.update(trained="segments/.codes"),
    "a segment outside": lambda _, segment: segment.update(name="../000001"),
    "more removed than there": lambda value, segment: (
        segment.update(removed_count=4) or value.update(count=-1)
    ),
    "fewer than none removed": lambda value, segment: (
        segment.update(removed_count=-1) or value.update(count=4)
    ),
    "tombstones without a file": lambda _, segment: segment.update(removed="elsewhere"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_what_contradicts_itself_is_refused(kind: str, sound: Manifest) -> None:
    value = as_file(sound)
    CONTRADICTIONS[kind](value, value["segments"][0])
    with pytest.raises(IntegrityError, match=f"{WHERE} contradicts itself"):
        Manifest.from_json(value, WHERE)


def test_another_format_is_refused_with_a_way_out(sound: Manifest) -> None:
    with pytest.raises(IntegrityError, match="is of format 2, not 1") as caught:
        Manifest.from_json({**as_file(sound), "format": 2}, WHERE)
    assert "the rankzoo that wrote it" in caught.value.hint


def test_what_happens_next_is_the_next_generation_with_its_event(sound: Manifest) -> None:
    after = sound.next({"event": "compact"}, next_id=7)
    assert (after.generation, after.next_id) == (sound.generation + 1, 7)
    assert after.history == ({"event": "build"}, {"event": "compact"})


def test_a_description_counts_items_segments_and_bytes(sound: Manifest) -> None:
    told = sound.describe()
    assert (told["count"], told["removed"], told["segments"], told["bytes"]) == (2, 1, 1, 59)
    assert (told["kind"], told["plan"]) == ("IVF2,SQ8", "IVF2,SQ8 nprobe=16")
    assert (told["whitened"], told["levels"]) == (False, ["label"])
    white = replace(sound, whitening="whitening.safetensors", whitening_facts=FACTS)
    assert (white.describe()["whitened"], white.describe()["bytes"]) == (True, 107)
