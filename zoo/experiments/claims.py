"""What the papers claim, as pairs of settings that run through the same comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from zoo.errors import UsageError, suggestion
from zoo.evaluation.paired import SURE
from zoo.experiments.candidate import OWN, Candidate
from zoo.experiments.measure import GAP
from zoo.experiments.standings import Values, paired
from zoo.recipes.recipe import LossTerm

Answer = Literal["yes", "no", "unclear"]


@dataclass(frozen=True)
class Expectation:
    """B has more of a metric than A, or less."""

    metric: str
    more: bool = True


@dataclass(frozen=True)
class Claim:
    """A sentence, where it was read, and the two settings whose difference tests it."""

    name: str
    says: str
    source: str
    a: Candidate
    b: Candidate
    expects: tuple[Expectation, ...]
    captions: bool = False


@dataclass(frozen=True)
class Finding:
    """One metric of a claim: b - a, its p-value, and what it says.

    `low` and `high` bound the difference: 95 % bootstrap over queries, seeds averaged. The sides'
    values by seed are `a_by_seed` and `b_by_seed`; `a` and `b` are their means.
    """

    metric: str
    a: float
    b: float
    difference: float
    p_value: float
    answer: Answer
    low: float
    high: float
    a_by_seed: Mapping[int, float]
    b_by_seed: Mapping[int, float]


@dataclass(frozen=True)
class Verdict:
    """A claim's answer: yes when every expectation is met, no when one is clearly broken."""

    claim: Claim
    answer: Answer
    findings: tuple[Finding, ...] = ()
    note: str = ""


def arm(name: str, loss: LossTerm, own: str = "", **more: Any) -> Candidate:
    """Return one side of a claim; `own` names the loss whose settings it is tuned over."""
    return Candidate(name, loss, own=OWN[own] if own else ({},), **more)


RECALL = LossTerm("recall_at_k")
RECALL_1 = (Expectation("recall_at_1"),)
PATEL = "Patel et al., RS@k, CVPR 2022"
ROLINEK = "Rolinek et al., RaMBO, CVPR 2020"
RAMZI = "Ramzi et al., ROADMAP, NeurIPS 2021"
BATCH_1024 = arm(
    "rsk-batch-1024", RECALL, changes={"batch.size": 1024, "batch.chunk": 128}, steps=0.25
)

CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        Claim(
            "large_batch_equal_updates",
            "RS@k gains from a batch of 1024 over 64, at the same number of updates",
            PATEL,
            arm("rsk-batch-64", RECALL, changes={"batch.size": 64}, steps=0.25),
            BATCH_1024,
            RECALL_1,
        ),
        Claim(
            "large_batch_equal_images",
            "RS@k gains from a batch of 1024 over 64, at the same number of images",
            PATEL,
            arm("rsk-batch-64-long", RECALL, changes={"batch.size": 64}, steps=4.0),
            BATCH_1024,
            RECALL_1,
        ),
        Claim(
            "simix",
            "SiMix helps RS@k (four images a class)",
            PATEL,
            arm("rsk-per-class-4", RECALL, changes={"batch.per_class": 4}),
            arm("rsk-simix", RECALL, changes={"batch.per_class": 4, "batch.simix": True}),
            RECALL_1,
        ),
        Claim(
            "sup_ap_over_smooth_ap",
            "SupAP is at least as good as Smooth-AP",
            RAMZI,
            arm("smooth_ap", LossTerm("smooth_ap"), "smooth_ap"),
            arm("sup_ap", LossTerm("sup_ap"), "sup_ap"),
            (Expectation("map_at_r"),),
        ),
        Claim(
            "calibration_closes_gap",
            "the calibration loss closes the decomposability gap of SupAP",
            RAMZI,
            arm("sup_ap", LossTerm("sup_ap"), "sup_ap"),
            arm(
                "sup_ap-calibration",
                LossTerm("sup_ap", weight=0.5),
                "sup_ap",
                extra=LossTerm("calibration", weight=0.5),
            ),
            (Expectation(GAP, more=False),),
        ),
        Claim(
            "h_ap_trades_fine_for_coarse",
            "H-AP ranks better over the whole hierarchy, AP better at the finest level",
            "Ramzi et al., HAPPIER, ECCV 2022",
            arm("sup_ap", LossTerm("sup_ap"), "sup_ap"),
            arm("sup_hap", LossTerm("sup_hap"), "sup_hap"),
            (Expectation("h_ap"), Expectation("map_at_r", more=False)),
        ),
        Claim(
            "blackbox_margin",
            "a margin helps the blackbox recall loss",
            ROLINEK,
            arm("rambo-no-margin", LossTerm("blackbox_recall", {"margin": 0.0}), "blackbox_recall"),
            arm("blackbox_recall", LossTerm("blackbox_recall"), "blackbox_recall"),
            RECALL_1,
        ),
        Claim(
            "blackbox_memory",
            "a memory of the last batches' scores helps the blackbox recall loss",
            ROLINEK,
            arm("blackbox_recall", LossTerm("blackbox_recall"), "blackbox_recall"),
            arm("rambo-memory-3", LossTerm("blackbox_recall", {"memory": 3}), "blackbox_recall"),
            RECALL_1,
        ),
        Claim(
            "learned_sorter",
            "SoDeep's learned sorter beats the adaptive pairwise one",
            "Engilberge et al., SoDeep, CVPR 2019",
            arm(
                "sodeep-adaptive",
                LossTerm("sodeep_recall", {"sorter": "exa"}),
                "sodeep_recall",
            ),
            arm("sodeep-learned", LossTerm("sodeep_recall", {"sorter": "grus"}), "sodeep_recall"),
            (Expectation("t2i_recall_at_1"),),
            captions=True,
        ),
        Claim(
            "learned_sorter_soft_rank",
            "SoDeep's learned sorter beats the projection onto the permutahedron",
            "Engilberge et al., SoDeep, CVPR 2019",
            arm(
                "sodeep-soft-rank",
                LossTerm("sodeep_recall", {"sorter": "soft_rank_l2"}),
                "sodeep_recall",
            ),
            arm("sodeep-learned", LossTerm("sodeep_recall", {"sorter": "grus"}), "sodeep_recall"),
            (Expectation("t2i_recall_at_1"),),
            captions=True,
        ),
    )
}


def arms(claim: Claim) -> tuple[Candidate, Candidate]:
    """Return the two settings of a claim."""
    return claim.a, claim.b


def chosen_claims(names: str, captions: bool) -> list[Claim]:
    """Return the claims of a list like `simix,blackbox_margin`, or of `all` that suit the task.

    Raises:
        UsageError: no such claim, or it is tested on another kind of data.
    """
    if names == "all":
        return [claim for claim in CLAIMS.values() if claim.captions == captions]
    found = []
    for name in (part.strip() for part in names.split(",")):
        if name not in CLAIMS:
            raise UsageError(f"--claims {name}: no such claim", suggestion(name, CLAIMS))
        if CLAIMS[name].captions != captions:
            kind = "captions" if CLAIMS[name].captions else "labelled images"
            raise UsageError(f"--claims {name} is tested on {kind}", "name another recipe")
        found.append(CLAIMS[name])
    return found


def verdict(claim: Claim, values: Mapping[str, Mapping[int, Values]]) -> Verdict:
    """Answer a claim from the per-query values of its two settings, by seed."""
    a, b = (values.get(side.name, {}) for side in arms(claim))
    if not a or not b:
        return Verdict(claim, "unclear", note="not both settings have a finished run")
    if missing := [e.metric for e in claim.expects if e.metric not in next(iter(a.values()))]:
        return Verdict(claim, "unclear", note=f"this data has no {missing[0]}: one label level")
    findings = tuple(_finding(expected, a, b) for expected in claim.expects)
    return Verdict(claim, _together([finding.answer for finding in findings]), findings)


def _finding(expected: Expectation, a: Mapping[int, Values], b: Mapping[int, Values]) -> Finding:
    metric = expected.metric
    found, agree = paired(metric, a, b)
    answer: Answer = "unclear"
    if found.p_value <= SURE and agree:
        answer = "yes" if (found.mean > 0) == expected.more else "no"
    here, there = (
        {seed: float(values[metric].nanmean()) for seed, values in sorted(side.items())}
        for side in (a, b)
    )
    return Finding(
        metric,
        fmean(here.values()),
        fmean(there.values()),
        found.mean,
        found.p_value,
        answer,
        found.low,
        found.high,
        here,
        there,
    )


def _together(answers: Sequence[Answer]) -> Answer:
    if "no" in answers:
        return "no"
    return "yes" if all(answer == "yes" for answer in answers) else "unclear"
