"""Starting the process of a run, here or in an actor on Ray, without waiting for torch."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zoo
from zoo.cluster import go_to, refuse_other_version
from zoo.errors import InterruptedRunError

MODULE = "zoo.experiments.trial"


def start(job: Mapping[str, Any], log: Path) -> subprocess.Popen[str]:
    """Start the process of a run; it writes to the end of `log`.

    job: the fields of `zoo.experiments.trial.Job`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    root = str(Path(zoo.__file__).parents[1])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(job["threads"])}
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            env=environment,
            process_group=0,  # Ctrl-C reaches us alone: we ask the run to save
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    return process


class Runner:
    """An actor with the process of one run."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.asked = False

    def run(self, job: Mapping[str, Any], log: Path, version: str, folder: str = "") -> int:
        """Carry out a run; return its process's exit code.

        folder: that relative names start from.

        Raises:
            UnavailableError: rankzoo is of another version here.
        """
        refuse_other_version(version)
        if self.asked:
            return InterruptedRunError.code
        go_to(folder)
        self.process = start({**job, "parent": os.getpid()}, log)
        return self.process.wait()

    def ask(self, number: int) -> None:
        """Send the process a signal; one that is not started never is."""
        self.asked = True
        if self.process is not None:
            self.process.send_signal(number)
