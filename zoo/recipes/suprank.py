"""SupRank's configurations: its losses and their baselines on four sets.

rankzoo train sop-resnet50-supap_nsm --data /data/SOP --out runs/sop

recipe                                  hardware    published R@1, and where that was read
sop-resnet50-supap_nsm                  -           -
inat-resnet50-supap_nsm                 -           -
inat_base-resnet50-supap_nsm            -           -
cub-resnet50-supap_nsm                  -           -
cars-resnet50-supap_nsm                 -           -
sop-resnet50-supap_arcface              -           -
inat-resnet50-supap_arcface             -           -
sop-deits-supap_nsm                     -           -
cub-deits-supap_nsm                     -           -
inat-deits-supap_nsm                    -           -
cub-vitb16-supap_nsm                    -           -
inat-vitb16-supap_nsm                   -           -
sop-resnet50-suprank                    -           -
inat-resnet50-suprank                   -           -
cub-resnet50-suprank                    -           -
cars-resnet50-suprank                   -           -
sop-resnet50-suprecall                  -           -
inat-resnet50-suprecall                 -           -
sop-resnet50-suprecall_nsm              -           -
inat-resnet50-suprecall_nsm             -           -
cub-resnet50-suprecall_nsm              -           -
cars-resnet50-suprecall_nsm             -           -
sop-resnet50-supndcg                    -           -
inat-resnet50-supndcg                   -           -
cub-resnet50-happier                    -           -
cars-resnet50-happier                   -           -
sop-resnet50-happier_arcface            -           -
sop-resnet50-nsm                        -           -
inat-resnet50-nsm                       -           -
cub-resnet50-nsm                        -           -
sop-resnet50-arcface                    -           -
inat-resnet50-arcface                   -           -
cub-resnet50-proxy_nca                  -           -
sop-resnet50-triplet                    -           -
sop-resnet50-contrastive-xbm            -           -
sop-resnet50-fast_ap                    -           -
sop-resnet50-soft_bin_ap                -           -
sop-resnet50-blackbox_ap                -           -
sop-resnet50-smooth_rank_ap             -           -
sop-resnet50-smooth_rank_hap            -           -
sop-resnet50-smooth_rank_ndcg           -           -
sop-resnet50-smooth_rank_recall_at_k    -           -

Its repository combines data, network and optimiser files with any file of losses, and gives no
command for these rows: they are what its files say together, with its default network (GeM) and 100
epochs.
"""

from dataclasses import replace
from typing import Any

from zoo.recipes.families import (
    CALIBRATION,
    HALF,
    HALF_LOSS,
    INAT,
    PROXIES,
    SUP_AP,
    SUP_AP_INAT,
    SUP_HAP,
    SUPRANK_CROPS,
    VIT_B16,
    adam,
    adamw,
    cosine,
    deit_small,
    driven,
    network,
    resnet50,
    weighted,
)
from zoo.recipes.recipe import Batch, Data, LossTerm, MemoryUse, Optimiser, Recipe, Schedule

QUERY = {"query": "positive"}
SUP_RECALL = LossTerm("sup_recall_at_k", QUERY, 0.5)
SUP_RECALL_INAT = LossTerm("sup_recall_at_k", INAT, 0.5)
SUP_NDCG = LossTerm("sup_ndcg", QUERY, 0.9)
SUP_NDCG_INAT = LossTerm("sup_ndcg", INAT, 0.9)
HALF_RADIAN = LossTerm("arcface", {"margin": 28.64788975654116, "scale": 30.0}, 0.1)
THIRD_RADIAN = LossTerm("arcface", {"margin": 17.188733853924695, "scale": 30.0}, 0.1)


def _base(data: str, optimiser: Optimiser, schedule: Schedule) -> Recipe:
    return Recipe(
        name=data,
        about="",
        network=resnet50(224, 256, pooling="gem", layer_norm="plain"),
        data=Data(data),
        augmentation=SUPRANK_CROPS,
        batch=Batch(256, sampler="every_image"),
        loss=SUP_AP,
        optimiser=optimiser,
        schedule=schedule,
        engine=HALF,
        deviates=HALF_LOSS,
    )


def _of(base: Recipe, loss: str, about: str, *terms: LossTerm, **more: Any) -> Recipe:
    """Return a recipe of a set's base: its losses, and perhaps another network or levels."""
    short = more.pop("short", "resnet50")
    levels = Data(base.data.reader, more.pop("levels", 1))
    first, extra = terms if len(terms) == 2 else (terms[0], None)
    named: dict[str, Any] = {"name": f"{base.name}-{short}-{loss}", "about": about, "data": levels}
    return replace(base, **named, loss=first, extra_loss=extra, **more)


def _like_head(term: LossTerm, base: Recipe) -> LossTerm:
    return driven(term, base.optimiser, base.schedule.final_lr)


def _fast(term: LossTerm) -> LossTerm:
    """Return a loss whose proxies move by Adam from 10 to 0.1: only their direction matters."""
    return replace(term, lr=10.0, final_lr=0.1)


CARS = _base("cars", adam(1e-4, 4e-4, 2.0), cosine())
CUB = _base("cub", adam(1e-6, 4e-4, 2.0), cosine())
INAT_FULL = _base("inat", adam(1e-5, 4e-4, 2.0), cosine(final_lr=1e-6))
INAT_BASE = replace(INAT_FULL, name="inat_base", data=Data("inat_base"))
SOP = replace(
    _base("sop", adam(5e-5, 1e-4, 2.0), cosine()),
    network=resnet50(224, 256, pooling="gem", layer_norm="plain", crop_mode="squash"),
    augmentation=replace(SUPRANK_CROPS, resize=256),
    batch=Batch(256, sampler="hierarchical", batches_per_tuple=5),
)

PP = "ROADMAP++: 0.9 SupAP and 0.1 clustering"
DEIT: dict[str, Any] = {"short": "deits", "network": deit_small(), "optimiser": adamw(1e-5, 5e-4)}
VIT: dict[str, Any] = {
    "short": "vitb16",
    "network": network(VIT_B16, 224, 256, pooling="token", dim=512),
    "schedule": cosine(final_lr=1e-6),
}
SUPAP = weighted(SUP_AP, 0.9)
SUPAP_INAT = weighted(SUP_AP_INAT, 0.9)
TENTH = weighted(CALIBRATION, 0.1)
HALVES = "SupRecall@k and {} in equal parts"


def _with_proxies() -> tuple[Recipe, ...]:
    """Return ROADMAP++ and its kin: a rank loss and a tenth of a proxy loss."""
    found = [
        _of(SOP, "supap_nsm", PP, SUPAP, _fast(PROXIES)),
        _of(INAT_FULL, "supap_nsm", PP, SUPAP_INAT, _fast(PROXIES)),
        _of(INAT_BASE, "supap_nsm", PP, SUPAP_INAT, _like_head(PROXIES, INAT_BASE)),
        _of(CUB, "supap_nsm", PP, SUPAP, _like_head(PROXIES, CUB)),
        _of(CARS, "supap_nsm", PP, SUPAP, _like_head(PROXIES, CARS)),
        _of(SOP, "supap_arcface", f"{PP[:23]} and 0.1 ArcFace", SUPAP, _fast(HALF_RADIAN)),
        _of(
            INAT_FULL,
            "supap_arcface",
            f"{PP[:23]} and 0.1 ArcFace",
            SUPAP_INAT,
            _like_head(HALF_RADIAN, INAT_FULL),
        ),
    ]
    for base, lr in ((SOP, 1e-5), (CUB, 1e-6), (INAT_FULL, 1e-5)):
        squash: dict[str, Any] = {"crop_mode": "squash"} if base is SOP else {}
        plain = adamw(lr, 5e-4)
        more: dict[str, Any] = {
            **DEIT,
            "network": deit_small(**squash),
            "optimiser": plain,
            "schedule": cosine(),
        }
        found.append(_of(base, "supap_nsm", PP, SUPAP, driven(PROXIES, plain), **more))
    for base, lr in ((CUB, 1e-6), (INAT_FULL, 1e-5)):
        twice = adamw(lr, 5e-4, head_lr=2.0)
        proxies = driven(PROXIES, twice, 1e-6)
        found.append(_of(base, "supap_nsm", PP, SUPAP, proxies, **VIT, optimiser=twice))
    return tuple(found)


def _others() -> tuple[Recipe, ...]:
    """Return SupAP with calibration, SupRecall@k, Sup-NDCG and HAPPIER."""
    half = weighted(PROXIES, 0.5)
    calibrated, clustered = HALVES.format("calibration"), HALVES.format("clustering")
    equal = weighted(CALIBRATION, 0.5)
    ap = "SupRank: 0.9 SupAP and 0.1 calibration"
    ndcg, happier = "0.9 Sup-NDCG and 0.1 clustering", "HAPPIER: 0.9 Sup-H-AP and 0.1 clustering"
    return (
        _of(SOP, "suprank", ap, SUPAP, TENTH),
        _of(INAT_FULL, "suprank", ap, SUPAP_INAT, TENTH),
        _of(CUB, "suprank", ap, SUPAP, TENTH),
        _of(CARS, "suprank", ap, SUPAP, TENTH),
        _of(SOP, "suprecall", calibrated, SUP_RECALL, equal),
        _of(INAT_FULL, "suprecall", calibrated, SUP_RECALL_INAT, equal),
        _of(SOP, "suprecall_nsm", clustered, SUP_RECALL, _fast(half)),
        _of(INAT_FULL, "suprecall_nsm", clustered, SUP_RECALL_INAT, _fast(half)),
        _of(CUB, "suprecall_nsm", clustered, SUP_RECALL, _like_head(half, CUB)),
        _of(CARS, "suprecall_nsm", clustered, SUP_RECALL, _like_head(half, CARS)),
        _of(SOP, "supndcg", ndcg, SUP_NDCG, _fast(PROXIES), levels=2),
        _of(INAT_FULL, "supndcg", ndcg, SUP_NDCG_INAT, _fast(PROXIES), levels=7),
        _of(CUB, "happier", happier, SUP_HAP, _like_head(PROXIES, CUB), levels=3),
        _of(CARS, "happier", happier, SUP_HAP, _like_head(PROXIES, CARS), levels=2),
        _of(
            SOP,
            "happier_arcface",
            "HAPPIER with ArcFace for the clustering",
            SUP_HAP,
            _fast(THIRD_RADIAN),
            levels=2,
        ),
    )


def _baselines() -> tuple[Recipe, ...]:
    """Return the losses that SupRank is compared with, each alone."""
    nsm, arc = weighted(PROXIES, 1.0), "ArcFace alone, at a margin of {} radians"
    alone = "normalised softmax against class proxies alone"
    nca = replace(CUB, optimiser=adam(1e-3, 0.0, 2.0))
    xbm: dict[str, Any] = {
        "memory": 59551,
        "memory_use": MemoryUse(from_epoch=5, join="average"),
    }
    smooth = "with every step a sigmoid"
    recall = {**QUERY, "capped": False}
    return (
        _of(SOP, "nsm", alone, _fast(nsm)),
        _of(INAT_FULL, "nsm", alone, _like_head(nsm, INAT_FULL)),
        _of(CUB, "nsm", alone, replace(nsm, lr=400.0, final_lr=0.1)),
        _of(SOP, "arcface", arc.format(0.3), _fast(weighted(THIRD_RADIAN, 1.0))),
        _of(
            INAT_FULL,
            "arcface",
            arc.format(0.5),
            _like_head(weighted(HALF_RADIAN, 1.0), INAT_FULL),
        ),
        _of(nca, "proxy_nca", "ProxyNCA++ alone", _like_head(LossTerm("proxy_nca"), nca)),
        _of(SOP, "triplet", "every triplet of a batch", LossTerm("triplet", {"margin": 0.05})),
        _of(SOP, "contrastive-xbm", "contrastive pairs", LossTerm("contrastive"), **xbm),
        _of(SOP, "fast_ap", "FastAP with 10 bins", LossTerm("fast_ap", {"bins": 10})),
        _of(
            SOP,
            "soft_bin_ap",
            "SoftBin-AP with 20 bins",
            LossTerm("soft_bin_ap", {"bins": 20, **QUERY}),
        ),
        _of(SOP, "blackbox_ap", "blackbox AP", LossTerm("blackbox_ap")),
        _of(SOP, "smooth_rank_ap", f"AP {smooth}", LossTerm("smooth_ap", QUERY)),
        _of(SOP, "smooth_rank_hap", f"H-AP {smooth}", LossTerm("smooth_hap", QUERY), levels=2),
        _of(SOP, "smooth_rank_ndcg", f"NDCG {smooth}", LossTerm("smooth_ndcg", QUERY), levels=2),
        _of(
            SOP,
            "smooth_rank_recall_at_k",
            f"Recall@k {smooth}, not capped at k",
            LossTerm("recall_at_k", recall),
        ),
    )


RECIPES = (*_with_proxies(), *_others(), *_baselines())
