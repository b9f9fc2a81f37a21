"""How long `rankzoo --help` and `rankzoo list` take beside an empty Typer application's help."""

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


OURS = (["--help"], ["list"])


@dataclass(frozen=True)
class Startup:
    """Median wall-clock seconds of the three programs, taken in turn, and both ratios."""

    bare_typer_s: float
    rankzoo_help_s: float
    rankzoo_list_s: float
    ratio: float
    list_ratio: float
    repeats: int

    def to_json(self) -> dict[str, float | int]:
        """Return plain values."""
        return asdict(self)


def benchmark_startup(repeats: int = 20) -> Startup:
    """Start the programs `repeats` times, alternating, so that all meet the same machine.

    Each was started once before: the list is what a second call sees, its cards parsed and kept.
    """
    programs = [[sys.executable, "-c", BARE_APP]]
    programs += [[sys.executable, "-m", "cli", *arguments] for arguments in OURS]
    times: list[list[float]] = [[] for _ in programs]
    for _ in range(repeats + 1):
        for found, program in zip(times, programs, strict=True):
            found.append(_seconds(program))
    bare, shown, listed = (statistics.median(found[1:]) for found in times)
    return Startup(bare, shown, listed, shown / bare, listed / bare, repeats)


def _seconds(program: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(program, check=True, capture_output=True)
    return time.perf_counter() - start
