"""What a run tells: rows in its file, and to who listens, from where it goes on."""

from pathlib import Path

from zoo.runs.record import METRICS, Record, Row, read_rows


def test_a_row_is_in_the_file_and_heard_before_the_next_is_written(tmp_path: Path) -> None:
    heard: list[Row] = []
    with Record(tmp_path, 0, [heard.append], muted=False) as record:
        record.write({"step": 1, "loss": 0.5})
        assert read_rows(tmp_path) == heard == [{"step": 1, "loss": 0.5}]
        record.write(None)
    assert len(heard) == 1
    record.write({"step": 2})  # closed
    assert read_rows(tmp_path) == heard == [{"step": 1, "loss": 0.5}]


def test_rows_of_updates_that_are_made_again_are_dropped(tmp_path: Path) -> None:
    with Record(tmp_path, 0, (), muted=False) as record:
        for step in (1, 2, 3):
            record.write({"step": step})
    with Record(tmp_path, 2, (), muted=False) as record:
        assert [row["step"] for row in read_rows(tmp_path)] == [1, 2]
        record.write({"step": 3, "loss": 1.0})
    assert read_rows(tmp_path)[1:] == [{"step": 2}, {"step": 3, "loss": 1.0}]


def test_a_process_that_does_not_lead_writes_and_tells_nothing(tmp_path: Path) -> None:
    heard: list[Row] = []
    with Record(tmp_path, 0, [heard.append], muted=True) as record:
        record.write({"step": 1})
    assert heard == []
    assert not (tmp_path / METRICS).exists()
