"""What may be asked of a search: the same options, meaning the same, wherever one searches."""

from dataclasses import dataclass

from zoo.errors import UsageError

ALPHA = 3.0  # exponent of α query expansion (Radenovic et al., TPAMI 2019, section 5.3)


@dataclass(frozen=True)
class Reranking:
    """k-reciprocal re-ranking (Zhong et al., CVPR 2017).

    among: how many of a query's first items are put in a new order; None: all of the gallery.
    k1, k2: neighbours looked at, neighbours averaged over. plain: weight of the plain distance.
    """

    k1: int = 20
    k2: int = 6
    plain: float = 0.3
    among: int | None = None

    def __post_init__(self) -> None:
        if self.among is not None and self.among < 1:
            raise UsageError(f"{self.among} items cannot be re-ranked", "give a positive number")


@dataclass(frozen=True)
class SearchOptions:
    """How an index is searched.

    k: hits for each query. where: SQL condition that every hit fulfils.
    expansion: neighbours the query is moved towards; alpha: exponent of the similarity that weighs
        a neighbour, 0 weighs all alike. reranking: see `Reranking`.
    threshold: lowest score of a hit. without_copy: leave the query itself out of the hits; it
        never votes nor moves the query: `k` and `expansion` others do. together: all queries are
        the parts of one.
    """

    k: int = 10
    where: str | None = None
    expansion: int = 0
    alpha: float = ALPHA
    reranking: Reranking | None = None
    threshold: float | None = None
    without_copy: bool = False
    together: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"k={self.k} asks for nothing", "give a positive k")
        if self.expansion < 0 or self.alpha < 0:
            raise UsageError("neighbour counts and alpha are zero or more")
        among = None if self.reranking is None else self.reranking.among
        if among is not None and among < self.k:
            hint = "re-rank at least k of them"
            raise UsageError(f"{among} hits re-ranked cannot give {self.k}", hint)

    def require_use(self) -> None:
        """Raise when it is said how neighbours weigh, and none is asked for.

        Raises:
            UsageError: naming the option that is missing.
        """
        if self.alpha != ALPHA and not self.expansion:
            problem = "--alpha weighs the neighbours of --expand, and none is asked for"
            raise UsageError(problem, "add --expand N")


def parse_reranking(text: str) -> Reranking | None:
    """Read `--rerank`: a number of first hits, `all`, or 0 for none.

    Raises:
        UsageError: it is neither.

    >>> parse_reranking("100").among, parse_reranking("all").among, parse_reranking("0")
    (100, None, None)
    """
    if text == "all":
        return Reranking()
    if not text.isdecimal():
        raise UsageError(f"--rerank {text!r} is no number", "give a number of hits, or all")
    return Reranking(among=int(text)) if int(text) else None
