"""`rankzoo compare` from the outside: real processes, killed and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def command(photos: Path, backbone: Path, out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "cli", "compare", "--losses", "untrained,triplet"),
        *("--data", str(photos), "--backbone", str(backbone), "--out", str(out)),
        *("--seeds", "1", "--rates", "1", "--trials", "2", "--tuning-steps", "4", "--json"),
        *more,
    ]


def run(arguments: list[str], **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **changes}
    return subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_killed_comparison_goes_on_and_ends_complete(
    photos: Path, backbone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    long = command(photos, backbone, out, "--set", "schedule.steps=24")
    first = subprocess.Popen(long, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running = out / "runs" / "triplet" / "tuning-0-seed-0" / "recipe.json"
    while not running.exists() and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert running.exists()

    found = run([*long, "--jobs", "2"])
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)
    assert result["complete"] is True
    rows = {row["name"]: row for row in result["standings"]}
    assert rows.keys() == {"untrained", "triplet"}
    assert all(row["note"] == "" for row in rows.values())
    assert rows["triplet"]["memory_bytes"] > 1e8
    assert Path(result["report"]).is_file()

    again = run(long)
    assert json.loads(again.stdout)["standings"] == result["standings"]
