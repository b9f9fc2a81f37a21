"""The command reference says what the code says."""

from cli.reference import PAGE, reference


def test_the_reference_is_level_with_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `python -m cli.reference`"


def test_every_flag_of_every_command_says_what_it_does() -> None:
    empty = [line for line in reference().splitlines() if line.startswith("|") and "|  |" in line]
    assert not empty
