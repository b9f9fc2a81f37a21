"""The field's protocols, each with the definition that is printed and stored beside its numbers."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["images", "lists", "landmarks", "captions", "classes"]
DEEP = (1, 10, 100, 1000)
SMALL = (1, 2, 4, 8, 16, 32)
LABELS = (
    "A gallery image is right when it has the query's finest label. Recall@k: share of queries "
    "with a right image in the first k. mAP@R: AP cut at R, divided by R. mAP: the whole gallery."
)
OWN = f"Every test image searches all other test images, itself taken out by id. {LABELS}"
ONE_CAPTION = (
    "Image to text: rank of the best of the image's own captions; text to image: rank of the "
    "caption's image. Captions that are equal, case and blanks aside, belong to each other's "
    "images too. Recall@k in percent, rsum the sum of the six recalls."
)
REVISITED = (
    "70 queries. Easy: easy images are right, hard and junk leave the ranking; medium: easy and "
    "hard are right, junk leaves; hard: hard ones are right, easy and junk leave. AP by the "
    "trapezium rule, mP@k over min(k, rank of the last right image)."
)


@dataclass(frozen=True)
class Protocol:
    """What is measured how.

    kind: which runner evaluates it. definition: the rule, word by word. headline: the metrics it
    is quoted by. dataset: the reader of `open_dataset`. ks: the cuts of Recall@k. draws: random
    galleries to average over. over: what a number is the mean of, besides queries.
    """

    kind: Kind
    definition: str
    headline: tuple[str, ...]
    dataset: str | None = None
    ks: tuple[int, ...] = (1, 5, 10)
    draws: int = 1
    over: Literal["", "lists", "levels"] = ""

    @property
    def names_images(self) -> bool:
        """Whether the protocol itself names the images that are searched, so that no split can."""
        captions_of_a_set = self.kind == "captions" and self.dataset is not None
        return self.kind in ("lists", "landmarks") or captions_of_a_set or self.draws > 1


def _vehicles(size: int, dataset: str) -> Protocol:
    definition = (
        f"PKU VehicleID, test list of {size} vehicles: one random image of each vehicle is the "
        f"gallery, all others are queries; mean over 10 seeded draws. {LABELS}"
    )
    return Protocol("images", definition, ("recall_at_1", "recall_at_5"), dataset, (1, 5), draws=10)


def _all_vehicles(size: int, dataset: str) -> Protocol:
    definition = (
        f"PKU VehicleID, test list of {size} vehicles, all against all, as RS@k and Smooth-AP "
        f"measure it. {OWN}"
    )
    return Protocol("images", definition, ("recall_at_1", "recall_at_5"), dataset, (1, 5))


def _dyml(name: str, over: Literal["lists", "levels"]) -> Protocol:
    how = {
        "lists": f"its own lists of fine, middle and coarse queries, mean over the lists. {LABELS}",
        "levels": f"{OWN} Asked at the fine, the middle and the coarse label, mean over the three.",
    }
    return Protocol(
        "images",
        f"DyML-{name.capitalize()}: {how[over]}",
        ("mean_average_precision", "asi"),
        f"dyml_{name}",
        (1, 10, 20),
        over=over,
    )


def _captions(name: str, images: int, folds: int) -> Protocol:
    parts = (
        f"{folds} folds of {images // folds} images, mean over folds" if folds > 1 else "at once"
    )
    definition = f"{name}, Karpathy test split, {images} images, {parts}. {ONE_CAPTION}"
    return Protocol("captions", definition, ("rsum",), "captions", draws=folds)


PROTOCOLS: dict[str, Protocol] = {
    "labels": Protocol("images", LABELS, ("recall_at_1", "map_at_r")),
    "sop": Protocol("images", f"SOP. {OWN}", ("recall_at_1", "map_at_r"), "sop", DEEP),
    "cub": Protocol(
        "images", f"CUB-200-2011, classes 101-200. {OWN}", ("recall_at_1", "map_at_r"), "cub", SMALL
    ),
    "cars": Protocol(
        "images", f"Cars196, classes 99-196. {OWN}", ("recall_at_1", "map_at_r"), "cars", SMALL
    ),
    "inat": Protocol(
        "images",
        f"iNaturalist 2018, Smooth-AP's test species. {OWN}",
        ("recall_at_1", "map_at_r"),
        "inat",
        (1, 4, 16, 32),
    ),
    "inshop": Protocol(
        "images",
        f"In-shop: the given query images search the given gallery. {LABELS}",
        ("recall_at_1", "map_at_r"),
        "inshop",
        (1, 10, 20, 30, 40, 50),
    ),
    "vehicleid-small-all": _all_vehicles(800, "vehicleid"),
    "vehicleid-medium-all": _all_vehicles(1600, "vehicleid_medium"),
    "vehicleid-large-all": _all_vehicles(2400, "vehicleid_large"),
    "vehicleid-small": _vehicles(800, "vehicleid"),
    "vehicleid-medium": _vehicles(1600, "vehicleid_medium"),
    "vehicleid-large": _vehicles(2400, "vehicleid_large"),
    "dyml-vehicle": _dyml("vehicle", "lists"),
    "dyml-animal": _dyml("animal", "lists"),
    "dyml-product": _dyml("product", "levels"),
    "roxford": Protocol("landmarks", f"ROxford5k. {REVISITED}", ("map_medium", "map_hard")),
    "rparis": Protocol("landmarks", f"RParis6k. {REVISITED}", ("map_medium", "map_hard")),
    "gldv2": Protocol(
        "lists",
        "Google Landmarks v2 retrieval, v2.1 ground truth, public and private queries; ignored "
        "ones left out. mAP@100: sum of precision at the right images in the first 100, divided by "
        "min(R, 100); map_at_100_over_r divides by R.",
        ("map_at_100",),
        "gldv2",
    ),
    "h-gldv2": Protocol(
        "images",
        "Hierarchical GLDv2: queries search the index; levels are landmark, super-category and "
        "natural/human-made. H-AP with relevance (l/L) / |items of level l|, NDCG with gain "
        f"2^l - 1, ASI, and AP of each level with closer levels taken out. {LABELS}",
        ("h_ap", "ndcg", "asi"),
        "gldv2_hier",
    ),
    "captions": Protocol(
        "captions", f"Images and captions of one's own, all at once. {ONE_CAPTION}", ("rsum",)
    ),
    "coco-5k": _captions("COCO", 5000, 1),
    "coco-1k": _captions("COCO", 5000, 5),
    "flickr30k": _captions("Flickr30k", 1000, 1),
    "voc07": Protocol(
        "classes",
        "PASCAL VOC classification, test split: mean over classes of AP by 11 points (VOC 2007) "
        "and by area (VOC 2010 on); an image in which a class is only there as difficult leaves "
        "that class's ranking, ties count against the model.",
        ("voc_map_11_point",),
    ),
}
# Of two protocols of a set the later one. DyML's animals lie, and are evaluated, as its vehicles.
BY_DATASET = {
    p.dataset: name for name, p in PROTOCOLS.items() if p.dataset and p.kind != "captions"
}
