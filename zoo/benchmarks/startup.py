"""How long `rankzoo --help` takes beside an empty Typer application."""

import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

BARE_APP = """
import typer
app = typer.Typer()
@app.callback()
def main(): pass
@app.command()
def nothing(): pass
app(["--help"])
"""


@dataclass(frozen=True)
class Startup:
    """Median wall-clock seconds of both programs, taken in turn, and their ratio."""

    bare_typer_s: float
    rankzoo_help_s: float
    ratio: float
    repeats: int

    def to_json(self) -> dict[str, float | int]:
        """Return plain values."""
        return asdict(self)


def benchmark_startup(repeats: int = 15) -> Startup:
    """Start both programs `repeats` times, alternating, so that both meet the same machine."""
    programs = ([sys.executable, "-c", BARE_APP], [sys.executable, "-m", "cli", "--help"])
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for found, program in zip(times, programs, strict=True):
            found.append(_seconds(program))
    bare, ours = (statistics.median(found) for found in times)
    return Startup(bare, ours, ours / bare, repeats)


def _seconds(program: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(program, check=True, capture_output=True)
    return time.perf_counter() - start
