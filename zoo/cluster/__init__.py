"""A Ray cluster: how to reach one, and work mapped over its actors."""

from zoo.cluster.reach import Cluster, connected, go_to, refuse_other_version
from zoo.cluster.work import (
    RETRIES,
    Guarded,
    ended,
    for_persons,
    guarded,
    mapped,
    room_for,
    unguarded,
)

__all__ = [
    "RETRIES",
    "Cluster",
    "Guarded",
    "connected",
    "ended",
    "for_persons",
    "go_to",
    "guarded",
    "mapped",
    "refuse_other_version",
    "room_for",
    "unguarded",
]
