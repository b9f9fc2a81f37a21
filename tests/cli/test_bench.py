"""Benchmarks print one object, and as a table for people."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", "cli", "bench", *arguments, "--quiet"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_detection_prints_a_row_for_each_loss_for_machines_and_for_people() -> None:
    small = ("detection", "--negatives", "500", "--positives", "20", "--repeats", "1")
    rows = json.loads(bench(*small, "--json"))["rows"]
    assert {row["loss"] for row in rows} == {"detection_ap", "detection_alrp", "rank_sort"}
    assert all(row["value_difference"] < 1e-6 for row in rows)
    assert "detection_alrp" in bench(*small)
