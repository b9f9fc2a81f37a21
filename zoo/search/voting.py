"""What the hits say together: a similarity-weighted k-NN vote, down the tree of labels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.search.hits import Hit

POWER = 3.0  # a hit's say is its similarity to this power: near hits outvote many far ones


@dataclass(frozen=True)
class Vote:
    """The winner at one level; confidence is its share of all say, support its number of hits."""

    level: str
    label: str
    confidence: float
    support: int


def vote(hits: Sequence[Hit], power: float = POWER) -> list[Vote]:
    """Let `hits` elect a label at every level; the winners are finest first, as labels are.

    A hit says max(similarity, 0) ** power for its labels; without a label at a level it abstains.
    The coarsest level is decided first, and a finer one by those hits alone whose coarser labels
    have won: a winner lies below the winner above it.
    """
    levels = list(dict.fromkeys(name for hit in hits for name in hit.record.labels))
    winners: dict[str, str] = {}
    votes: list[Vote] = []
    for level in reversed(levels):
        say: dict[str, float] = defaultdict(float)
        support: dict[str, int] = defaultdict(int)
        total = 0.0
        for hit in (hit for hit in hits if level in hit.record.labels):
            own = max(hit.similarity, 0.0) ** power
            total += own
            if _agrees(hit.record.labels, winners):
                say[hit.record.labels[level]] += own
                support[hit.record.labels[level]] += 1
        if say:  # else no hit below the winners above has a label here
            winner = max(say, key=lambda label: (say[label], label))
            winners[level] = winner
            votes.append(
                Vote(level, winner, say[winner] / total if total else 0.0, support[winner])
            )
    return votes[::-1]


def _agrees(labels: Mapping[str, str], winners: Mapping[str, str]) -> bool:
    return all(labels.get(level, winner) == winner for level, winner in winners.items())
