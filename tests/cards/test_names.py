import pytest

from zoo.cards.names import checked_file_name, parse_hub_name
from zoo.cards.sources import HubSource
from zoo.errors import IntegrityError, UsageError


def test_a_name_with_a_revision_is_split() -> None:
    assert parse_hub_name("me/photos@v1.0") == HubSource("me/photos", "v1.0")
    assert parse_hub_name("me/photos", "v1.0") == HubSource("me/photos", "v1.0")
    assert parse_hub_name("me/photos@v1", "v1") == HubSource("me/photos", "v1")


@pytest.mark.parametrize("name", ["photos", "a/b/c", "../etc", "a/../b", "/abs/olute", "a/b@", ""])
def test_other_shapes_are_no_hub_names(name: str) -> None:
    assert parse_hub_name(name) is None


def test_two_different_revisions_are_refused() -> None:
    with pytest.raises(UsageError, match="two revisions"):
        parse_hub_name("me/photos@v1", "v2")


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/passwd", "a\\b", "C:evil", "a//b", "./a", "a\nb", ""]
)
def test_file_names_that_leave_their_folder_are_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="leaves its folder"):
        checked_file_name(name, "me/photos")


def test_ordinary_file_names_pass() -> None:
    assert checked_file_name("1_Pooling/config.json", "me/photos") == "1_Pooling/config.json"


@pytest.mark.parametrize("name", ["my photo.jpg", "é/ü.json", "~tilde", "..dots/a..b"])
def test_unusual_file_names_pass_as_long_as_they_stay(name: str) -> None:
    assert checked_file_name(name, "me/photos") == name


@pytest.mark.parametrize("code", [*range(32)])
def test_a_control_character_is_in_no_file_name(code: int) -> None:
    with pytest.raises(IntegrityError, match="leaves its folder"):
        checked_file_name(f"a{chr(code)}b", "me/photos")
