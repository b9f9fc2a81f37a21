from pathlib import Path

import pytest

from tests.flips import campaign
from zoo.errors import IntegrityError
from zoo.files import read_lines, read_sealed, sealed_line, write_sealed

ROWS = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]


@pytest.mark.slow
def test_no_flipped_bit_goes_unseen() -> None:
    found = campaign(80, seed=1)
    assert {outcome for counted in found.values() for outcome in counted} <= {"refused", "harmless"}


def test_a_line_that_a_kill_cut_short_is_left_out_wherever_it_was_cut(tmp_path: Path) -> None:
    path, whole = tmp_path / "metrics.jsonl", "".join(map(sealed_line, ROWS))
    first = len(sealed_line(ROWS[0]))
    for end in range(first, len(whole) - 1):
        path.write_text(whole[:end])
        assert read_lines(path) == ROWS[:1]
    path.write_text(whole[:-1])
    assert read_lines(path) == ROWS


def test_a_changed_digit_and_a_lost_seal_are_seen_and_old_lines_are_read(tmp_path: Path) -> None:
    path, whole = tmp_path / "metrics.jsonl", "".join(map(sealed_line, ROWS))
    for changed in (whole.replace("0.25", "0.35"), whole.replace("seal", "sdal", 1)):
        path.write_text(changed)
        with pytest.raises(IntegrityError, match="line"):
            read_lines(path)
    path.write_text('{"step": 1}\n{"step": 2}\n')
    assert read_lines(path) == [{"step": 1}, {"step": 2}]


def test_an_object_without_a_seal_is_read_and_one_that_was_changed_is_not(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_sealed(path, {"ap": 0.5})
    assert read_sealed(path) == {"ap": 0.5}
    path.write_text(path.read_text().replace("0.5", "0.7"))
    with pytest.raises(IntegrityError, match="not what was written"):
        read_sealed(path)
    path.write_text('{"ap": 0.7}')
    assert read_sealed(path) == {"ap": 0.7}
