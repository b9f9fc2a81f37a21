"""The default of every parameter of every loss, as published: a number here has a source.

A class and the pure function behind it must agree; a loss without a line here is an error.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest

import zoo.losses
import zoo.ranking
from zoo.errors import UsageError
from zoo.losses import sup_ap

Options = dict[str, object]

SUP_RANK: Options = {"tau": 0.01, "rho": 100.0, "delta": 0.05, "start": 0.5, "offset": 1.44}
LOWER: Options = {"beta": 25.0, "gamma": 0.5, "leak": 10.0}
KS: Options = {"ks": (1, 2, 4, 8, 16), "tau_k": 1.0}
RAMBO: Options = {"lam": 4.0, "margin": 0.02, "memory": 0}
PUBLISHED: dict[str, tuple[str, Options]] = {
    "ArcFace": ("pytorch-metric-learning's own default", {"margin": 28.6, "scale": 64.0}),
    "BlackboxAP": ("baseline of ROADMAP's configurations", RAMBO),
    "BlackboxLoss": ("as BlackboxAP", RAMBO),
    "BlackboxRecall": ("as BlackboxAP", RAMBO | {"weighting": "loglog"}),
    "Calibration": (
        "ROADMAP, eq. 8, and its released reduction",
        {"alpha": 0.9, "beta": 0.6, "reduce": "violating"},
    ),
    "ClusterProxy": ("HAPPIER's configurations", {"tau": 0.05, "centres": 1}),
    "Contrastive": (
        "pytorch-metric-learning's own, on cosines",
        {"positive": 1.0, "negative": 0.5},
    ),
    "CrossBatchMemory": ("ROADMAP: batch and memory averaged", {"weight": 0.5, "levels": 1}),
    "CrossLevel": ("CSL: finest margin .25, scale 32", {"margins": (0.25,), "scale": 32.0}),
    "DetectionALRP": ("its code", {"delta": 1.0}),
    "DetectionAP": ("its code", {"delta": 1.0}),
    "DetectionBlackboxAP": (
        "RaMBO on VOC07: lambda .5, alpha .15, tau 7, 2 : 1",
        {"lam": 0.5, "margin": 0.15, "memory": 7, "inter_class": 1 / 3},
    ),
    "FastAP": ("baseline of ROADMAP's configurations", {"bins": 10}),
    "HardTriplet": ("VSE++; DSVE-Loc", {"margin": 0.2, "reduce": "mean"}),
    "InfoNCE": ("chosen here, CLIP learns it", {"tau": 0.05}),
    "LowerStep": ("HAPPIER's code", LOWER),
    "MemoryOptions": (
        "as CrossBatchMemory",
        {"unique": False, "join": "mean", "weight": 0.5, "levels": 1},
    ),
    "MultiSimilarity": (
        "pytorch-metric-learning's own default",
        {"alpha": 2.0, "beta": 50.0, "base": 0.5},
    ),
    "PNP": ("its code", {"variant": "Dq", "tau": 0.01}),
    "PairRecallAtK": ("as RecallAtK", KS | {"tau_rank": 0.01}),
    "ProxyAnchor": ("pytorch-metric-learning's own default", {"margin": 0.1, "alpha": 32.0}),
    "ProxyNCA": ("ProxyNCA++: scale 3", {"scale": 3.0}),
    "RankSort": ("its code", {"delta": 0.5}),
    "RecallAtK": ("RS@k: tau_1 = 1, tau_2 = .01", KS | {"tau_rank": 0.01, "capped": True}),
    "SigLIP": ("its paper: t' = log 10, b = -10 at the start", {"tau": 0.1, "bias": -10.0}),
    "SigmoidStep": ("Smooth-AP's code", {"tau": 0.01}),
    "SmoothHAP": ("as SmoothAP", {"tau": 0.01}),
    "SmoothHierarchicalLoss": ("as SmoothAP", {"tau": 0.01}),
    "SmoothNDCG": ("as SmoothAP", {"tau": 0.01}),
    "SmoothAP": ("Smooth-AP's code", {"tau": 0.01}),
    "SoDeepLoss": ("a sorter without weights", {"sorter": "gaussian", "slow_update": 0.0}),
    "SoDeepMAP": (
        "a mean where the code adds: free of the number of positives",
        {"sorter": "gaussian", "slow_update": 0.0, "reduction": "mean"},
    ),
    "SoDeepRecall": (
        "SoDeep's RankHardLoss in its author's fork",
        {"sorter": "gaussian", "slow_update": 0.0, "form": "hard", "margin": 0.2},
    ),
    "SoDeepSpearman": (
        "SoDeep's code: lbd 0",
        {"sorter": "gaussian", "slow_update": 0.0, "l1_weight": 0.0},
    ),
    "SoftBinAP": ("baseline of ROADMAP's configurations: nq 20", {"bins": 20}),
    "SupAP": ("SupRank's code", SUP_RANK | {"mix_positives": False}),
    "SupHAP": ("HAPPIER's configurations", SUP_RANK | LOWER | {"alpha": 1.0, "hrank": False}),
    "SupNDCG": ("as SupAP", SUP_RANK),
    "SupRankLoss": ("as SupAP", SUP_RANK),
    "SupRankStep": ("SupRank's code", SUP_RANK),
    "SupRecallAtK": ("SupRank's code: temperature 1", SUP_RANK | KS),
    "Triplet": ("chosen here, on cosines", {"margin": 0.1}),
}
QUERIES = {"query": "exclude", "query_chunk": None}


def modules() -> Iterator[ModuleType]:
    for package in (zoo.losses, zoo.ranking):
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            yield import_module(found.name)


def public(module: ModuleType) -> dict[str, Any]:
    own = {n: v for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__}
    return {
        n: v for n, v in own.items() if n[0] != "_" and inspect.isroutine(v) | inspect.isclass(v)
    }


def defaults(of: Any) -> dict[str, object]:
    parameters = inspect.signature(of).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


CLASSES = {
    name: value
    for module in modules()
    for name, value in public(module).items()
    if inspect.isclass(value) and set(defaults(value)) - set(QUERIES)
}


def test_every_loss_and_step_has_a_source() -> None:
    assert CLASSES.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_are_the_published_ones(name: str) -> None:
    source, published = PUBLISHED[name]
    found = defaults(CLASSES[name])
    chosen = {k: v for k, v in found.items() if k not in QUERIES and v is not None}
    assert chosen == published, source
    assert {k: v for k, v in found.items() if k in QUERIES}.items() <= QUERIES.items()


def test_a_loss_excludes_the_query_itself_unless_told() -> None:
    for kind in zoo.losses.LOSSES.values():
        if "query" in inspect.signature(kind).parameters:
            assert defaults(kind)["query"] == "exclude"


def test_functions_have_the_defaults_of_their_class() -> None:
    compared = 0
    for module in modules():
        found = public(module).values()
        of_classes = [defaults(value) for value in found if inspect.isclass(value)]
        for function in filter(inspect.isfunction, found):
            for name, value in defaults(function).items():
                theirs = [d[name] for d in of_classes if d.get(name) is not None]
                assert all(value == other for other in theirs), f"{function.__name__}: {name}"
                compared += len(theirs)
    assert compared >= 20


def test_pnp_has_the_published_parameters_and_takes_those_of_its_variant_alone() -> None:
    found = zoo.losses.PNP()
    assert (found.b, found.alpha) == (2.0, 4.0), "its code"
    assert (zoo.losses.PNP("Ib", b=3.0).b, zoo.losses.PNP(alpha=3.0).alpha) == (3.0, 3.0)
    others: list[tuple[str, dict[str, Any]]] = [
        ("Ib", {"alpha": 4.0}),
        ("Dq", {"b": 2.0}),
        ("O", {"alpha": 4.0}),
    ]
    for variant, given in others:
        with pytest.raises(UsageError, match="it is the parameter of variant"):
            zoo.losses.PNP(variant, **given)


def test_functions_of_ranks_take_the_published_step() -> None:
    assert vars(sup_ap.PUBLISHED) == SUP_RANK
    for name in ("sup_ap", "sup_hap", "sup_ndcg", "sup_recall_at_k"):
        function = vars(import_module(f"zoo.losses.{name}"))[name]
        assert defaults(function)["step"] is sup_ap.PUBLISHED


def test_a_lower_bound_is_built_where_it_is_asked_for() -> None:
    assert zoo.losses.SupHAP().lower is None
    assert vars(zoo.losses.SupHAP(hrank=True).lower) == LOWER
