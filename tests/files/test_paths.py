"""One file has one path, unless a link stands between."""

from pathlib import Path

import pytest

from zoo.files import straight


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a/b.png", "a/b.png"),
        ("a/../b.png", "b.png"),
        ("../a/../b.png", "../b.png"),
        ("/x/../../b.png", "/b.png"),
        ("a/..b/c", "a/..b/c"),
    ],
)
def test_what_goes_down_and_up_again_is_left_out(path: str, said: str) -> None:
    assert straight(Path(path)) == Path(said)


def test_a_link_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    path = tmp_path / "link" / "a.png"
    assert straight(path) == path
    assert straight(tmp_path / "other" / ".." / "link" / "a.png") == path


def test_a_step_out_of_a_link_leads_to_where_the_system_goes(tmp_path: Path) -> None:
    (tmp_path / "far" / "real").mkdir(parents=True)
    (tmp_path / "far" / "a.png").write_text("far")
    (tmp_path / "a.png").write_text("near")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "real")
    path = tmp_path / "link" / ".." / "a.png"
    assert straight(path).samefile(path)
    assert straight(path).read_text() == "far"
