"""How an index is laid out and searched."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """A faiss kind and how hard to search it.

    kind: faiss factory string, e.g. `Flat`, `HNSW32`, `IVF1024,PQ64x4fs`.
    refine: rank `k * refine` candidates again with the exact vectors; 0 trusts the codes.
    nprobe: cells visited (IVF); ef_search: length of the beam (HNSW).
    """

    kind: str = "Flat"
    refine: int = 0
    nprobe: int = 16
    ef_search: int = 64

    def __str__(self) -> str:
        effort = (
            f" nprobe={self.nprobe}"
            if "IVF" in self.kind
            else f" ef_search={self.ef_search}"
            if "HNSW" in self.kind
            else ""
        )
        return self.kind + effort + (f" refine={self.refine}" if self.refine else "")

    @property
    def exact(self) -> bool:
        """Whether items are compared by their vectors themselves, and not by codes."""
        return self.kind.startswith("HNSW") or self.kind.split(",")[-1] == "Flat"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)
