"""Who takes part: a loss (or a changed recipe) with the settings it may be tuned over."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from zoo.errors import UsageError, suggestion
from zoo.losses import LOSSES
from zoo.losses.pairs import PAIR_LOSSES
from zoo.recipes.changes import check_losses, override
from zoo.recipes.recipe import LossTerm, Recipe

Changes = Mapping[str, Any]  # a recipe's key -> value
UNTRAINED = "untrained"
RATE = "optimiser.lr"


@dataclass(frozen=True)
class Candidate:
    """A loss, the recipe's keys it changes, and the settings of its own that tuning may choose.

    `loss` None: the pretrained network as it is. `steps` multiplies the steps of the comparison.
    """

    name: str
    loss: LossTerm | None
    extra: LossTerm | None = None
    changes: Changes = field(default_factory=dict)
    own: tuple[Changes, ...] = ({},)
    steps: float = 1.0

    def points(self, rates: Sequence[float]) -> list[Changes]:
        """Return the grid: every learning rate with every setting of its own.

        One more rate only adds points behind the others: those already run keep their numbers.
        """
        if self.loss is None:
            return [{}]
        return [{RATE: rate, **own} for rate, own in product(rates, self.own)]

    def recipe(self, base: Recipe, point: Changes, steps: int) -> Recipe:
        """Return the recipe of a run of this candidate at a point of its grid.

        Raises:
            UsageError: a key or an option that does not exist.
        """
        recipe = base
        if self.loss is not None:
            recipe = replace(base, loss=self.loss, extra_loss=self.extra)
            steps = max(1, round(steps * self.steps))
        recipe = replace(recipe, schedule=replace(recipe.schedule, steps=steps))
        for key, value in {**self.changes, **point}.items():
            recipe = override(recipe, key, json.dumps(value))
        check_losses(recipe)
        return recipe


# Two settings each, the first the published or usual one: the ends of what is searched, or the
# points of a grid. A loss that has none here is searched by its learning rate alone.
OWN: dict[str, tuple[Changes, Changes]] = {
    "arcface": ({"loss.lr": 0.01}, {"loss.lr": 0.1}),
    "blackbox_ap": ({"loss.lam": 4.0}, {"loss.lam": 0.5}),
    "blackbox_recall": ({"loss.lam": 4.0}, {"loss.lam": 0.5}),
    "calibration": ({"loss.beta": 0.6}, {"loss.beta": 0.3}),
    "cluster_proxy": ({"loss.lr": 0.01}, {"loss.lr": 0.1}),
    "contrastive": ({"loss.negative": 0.5}, {"loss.negative": 0.3}),
    "cross_level": ({"loss.lr": 0.01}, {"loss.lr": 0.1}),
    "fast_ap": ({"loss.bins": 10}, {"loss.bins": 20}),
    "multi_similarity": ({"loss.base": 0.5}, {"loss.base": 0.8}),
    "pnp": ({"loss.variant": "Dq"}, {"loss.variant": "Ib"}),
    "proxy_anchor": ({"loss.lr": 0.01}, {"loss.lr": 0.1}),
    "proxy_nca": ({"loss.lr": 0.01}, {"loss.lr": 0.1}),
    "recall_at_k": ({"loss.tau_rank": 0.01}, {"loss.tau_rank": 0.05}),
    "siglip": ({"loss.tau": 0.1}, {"loss.tau": 0.05}),
    "smooth_ap": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "smooth_hap": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "smooth_ndcg": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "soft_bin_ap": ({"loss.bins": 20}, {"loss.bins": 40}),
    "sup_ap": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "sup_hap": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "sup_ndcg": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "sup_recall_at_k": ({"loss.tau": 0.01}, {"loss.tau": 0.05}),
    "triplet": ({"loss.margin": 0.1}, {"loss.margin": 0.2}),
    "hard_triplet": ({"loss.margin": 0.2}, {"loss.margin": 0.1}),
    "info_nce": ({"loss.tau": 0.05}, {"loss.tau": 0.02}),
    "pair_recall_at_k": ({"loss.tau_rank": 0.01}, {"loss.tau_rank": 0.05}),
    "sodeep_recall": ({"loss.form": "hard"}, {"loss.form": "sum"}),
}

# Losses that their papers train together; the second setting is the other weighting they use.
PAIRED = (
    Candidate(
        "roadmap",
        LossTerm("sup_ap", weight=0.9),
        LossTerm("calibration", weight=0.1),
        own=({}, {"loss.weight": 0.5, "extra_loss.weight": 0.5}),
    ),
    Candidate(
        "happier",
        LossTerm("sup_hap", weight=0.9),
        LossTerm("cluster_proxy", weight=0.1, lr=0.01),
        own=({}, {"loss.weight": 0.5, "extra_loss.weight": 0.5}),
    ),
)


def candidates(captions: bool) -> dict[str, Candidate]:
    """Return everyone who can take part: the untrained network, then every loss by name."""
    losses = PAIR_LOSSES if captions else LOSSES
    found = [Candidate(name, LossTerm(name), own=OWN.get(name, ({},))) for name in losses]
    together = [] if captions else PAIRED
    everyone = (Candidate(UNTRAINED, None), *found, *together)
    return {candidate.name: candidate for candidate in everyone}


def choose(names: str, captions: bool) -> list[Candidate]:
    """Return the candidates of a list like `smooth_ap,recall_at_k`, or of `all`.

    Raises:
        UsageError: a name that is no loss; the nearest one is named.
    """
    known = candidates(captions)
    if names == "all":
        return list(known.values())
    wanted = dict.fromkeys(part.strip() for part in names.split(",") if part.strip())
    for name in wanted:
        if name not in known:
            raise UsageError(f"--losses {name}: no such loss", suggestion(name, known))
    return [known[name] for name in wanted]
