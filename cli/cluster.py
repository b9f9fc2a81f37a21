"""Options of commands that run on a Ray cluster as well as here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.flags import takes
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.cluster import Cluster

Engine = Annotated[
    Literal["local", "ray"], typer.Option("--engine", help="Run here, or on a Ray cluster.")
]
Address = Annotated[
    str | None, typer.Option("--address", help="A running Ray cluster; else one is started here.")
]
Cpus = Annotated[
    float | None, typer.Option("--cpus", min=0.01, help="CPUs of a worker on Ray; default 1.")
]
Gpus = Annotated[
    float | None, typer.Option("--gpus", min=0, help="GPUs of a worker on Ray; 0.5: two share one.")
]


@dataclass(frozen=True)
class ClusterFlags:
    """What is said of a cluster, before it is known whether the model's task takes one."""

    engine: Engine = "local"
    address: Address = None
    cpus: Cpus = None
    gpus: Gpus = None

    def cluster(self) -> "Cluster | None":
        """Return the cluster to work on, None for this process.

        Raises:
            UsageError: a cluster is described, but not asked for.
        """
        from zoo.cluster import Cluster

        if self.engine == "ray":
            return Cluster(self.address, self.cpus or 1.0, self.gpus)
        for name in ("address", "cpus", "gpus"):
            if getattr(self, name) is not None:
                raise UsageError(f"--{name} says nothing without a cluster", "add --engine ray")
        return None


@takes(flags=ClusterFlags)
def cluster_options(*, flags: ClusterFlags) -> "Cluster | None":
    """Return the cluster to work on, None for this process; see `ClusterFlags.cluster`."""
    return flags.cluster()
