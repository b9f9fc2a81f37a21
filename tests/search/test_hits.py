"""What a hit says of itself, to a program and in order; and the options that hold everywhere."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from zoo.embedding.rows import Record
from zoo.errors import DataError, UsageError
from zoo.progress import T
from zoo.search import queries as room
from zoo.search.asking import as_queries
from zoo.search.expansion import ROWS, Pull, expanded, moved
from zoo.search.hits import DRAWN, SIDE, Hit, Hits, ranked
from zoo.search.options import Reranking, SearchOptions, parse_reranking
from zoo.search.parts import together
from zoo.search.queries import Query
from zoo.search.scan import Scan, score_blocks
from zoo.search.search import Answer, Copy, itself, search
from zoo.search.voting import Vote

LABELS = {"label": "ant", "label_level_2": "insect"}
OTHER = {"split": "test", "score": "mine"}
RECORD = Record("a.png", caption="a red ant", labels=LABELS, extra=OTHER, id=7)


def test_a_hits_own_facts_stand_before_its_other_columns() -> None:
    hit = Hit(2, 0.5, Path("/x/a.png"), RECORD)
    plain = {"id": 7, **LABELS, "caption": "a red ant", "split": "test"}
    assert hit.to_json() == {**plain, "rank": 2, "path": "/x/a.png", "score": 0.5}
    assert (hit.label, hit.similarity) == ("ant", 0.5)
    moved = replace(hit, cosine=0.25)
    assert moved.similarity == 0.25
    assert moved.to_json() == {**hit.to_json(), "similarity": 0.25}
    bare = Hit(1, 0.5, Path("a.png"), Record("a.png", id=1))
    assert bare.label == ""
    assert bare.to_json() == {"id": 1, "rank": 1, "path": "a.png", "score": 0.5}


def test_hits_are_best_first_and_among_equals_the_older_first() -> None:
    rows = [(0.5, Record("b", id=2)), (0.75, Record("c", id=3)), (0.5, Record("a", id=1))]
    found = ranked(rows, Path("/root"))
    assert [(h.rank, h.record.id, h.score) for h in found] == [
        (1, 3, 0.75),
        (2, 1, 0.5),
        (3, 2, 0.5),
    ]
    assert [str(h.path) for h in found] == ["/root/c", "/root/a", "/root/b"]


def test_a_notebook_names_a_hit_by_label_caption_or_file(tmp_path: Path) -> None:
    Image.new("RGB", (300, 30)).save(tmp_path / "a.png")
    records = (RECORD, replace(RECORD, labels={}), replace(RECORD, labels={}, caption=""))
    for record, name in zip(records, ("ant", "a red ant", "a.png"), strict=True):
        shown = Hits([Hit(1, 0.4567, tmp_path / "a.png", record)])._repr_html_()
        assert f"1. {name} 0.457" in shown
        assert "more" not in shown
    assert (DRAWN, SIDE) == (24, 96)


def test_an_answer_shows_its_votes_only_where_they_were_asked() -> None:
    answer = Answer([Hit(1, 0.5, Path("a"), RECORD)], [Vote("label", "ant", 0.75, 2)])
    hits = [answer.hits[0].to_json()]
    vote = {"level": "label", "label": "ant", "confidence": 0.75, "support": 2}
    assert answer.to_json() == {"hits": hits, "votes": [vote]}
    assert answer.to_json(votes=False) == {"hits": hits}


def test_a_query_is_one_item_known_by_its_number_its_content_or_as_a_part() -> None:
    same, other = replace(RECORD, sha256="abcdef"), replace(RECORD, sha256="abcdef", id=9)
    hits = [Hit(n, 0.5, Path("a"), record) for n, record in enumerate((same, other), start=1)]
    first: list[Copy] = [7, "abc", "abcdef", (None, 7), (3, ("x", "abc")), ("abc", "abcdef", 7)]
    nobody: list[Copy] = [8, "bc", "", None, (), (None, 8)]
    assert all(itself(hits, copy) == {7} for copy in first)
    assert all(itself(hits, copy) == set() for copy in nobody)
    assert itself(hits, 9) == {9}
    assert itself(hits, (9, "abc")) == {7, 9}
    assert itself(hits[1:], "abc") == {9}


def test_options_say_nothing_but_ten_hits_unless_told() -> None:
    assert SearchOptions() == SearchOptions(10, None, 0, 3.0, None, None, False, False)
    assert Reranking() == Reranking(20, 6, 0.3, None)  # Zhong et al., CVPR 2017
    assert SearchOptions(k=1, alpha=0.0, reranking=Reranking(among=1)).k == 1
    assert parse_reranking("all") == Reranking()
    assert parse_reranking("5") == Reranking(among=5)
    assert parse_reranking("0") is None
    for odd in ({"k": -1}, {"expansion": -1}, {"alpha": -0.5}):
        with pytest.raises(UsageError):
            SearchOptions(**odd)
    with pytest.raises(UsageError, match="0 items cannot be re-ranked"):
        Reranking(among=0)


def test_a_weight_needs_neighbours_to_weigh() -> None:
    for idle in (SearchOptions(alpha=0.0), SearchOptions(alpha=2.0, reranking=Reranking())):
        with pytest.raises(UsageError, match="--alpha weighs the neighbours of --expand"):
            idle.require_use()
    SearchOptions().require_use()
    SearchOptions(alpha=2.0, expansion=1).require_use()


def test_questions_that_are_queries_stay_and_others_are_read() -> None:
    own = [Query("red"), Query("blue")]
    assert as_queries(own) == own
    assert as_queries(tuple(own)) == own
    assert as_queries("red") == as_queries(["red"]) == [Query("red")]
    assert as_queries(["red", "a heart"]) == [Query("red"), Query("a heart")]


def test_a_batch_of_questions_is_sixty_four() -> None:
    assert room.BATCH == 64


def unit(count: int, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return nn.functional.normalize(torch.randn(count, 5, generator=draw), dim=1)


@pytest.mark.parametrize("rows", [1, 3, ROWS])
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_a_gallery_moves_towards_its_neighbours_in_any_blocks(
    alpha: float, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.search.expansion.ROWS", rows)
    vectors, itself = unit(8, 1), torch.arange(8)
    found = expanded(vectors, vectors, Pull(3, alpha), itself)
    for row in range(8):
        scores = (vectors @ vectors[row]).index_fill(0, torch.tensor([row]), -9.0)
        near = scores.topk(3)
        weights = near.values.clamp(min=0) ** alpha
        wanted = vectors[row] + (weights[:, None] * vectors[near.indices]).sum(dim=0)
        torch.testing.assert_close(found[row], wanted / wanted.norm())
    assert Pull(2).alpha == 3.0  # Radenovic et al., TPAMI 2019, section 5.3


def test_a_neighbour_on_the_other_side_does_not_pull() -> None:
    vector, behind = torch.tensor([[1.0, 0.0]]), torch.tensor([[[-0.6, 0.8]]])
    assert moved(vector, torch.tensor([[-0.6]]), behind, 3.0).tolist() == [[1.0, 0.0]]


def test_parts_that_nearly_cancel_are_still_a_direction() -> None:
    parts = torch.tensor([[1.0, 0.0], [-1.0, 1e-2]])
    torch.testing.assert_close(together(parts), torch.tensor([0.0, 1.0]), atol=0.01, rtol=0)
    with pytest.raises(DataError, match="cancel each other out"):
        together(torch.tensor([[1.0, 0.0], [-1.0, 1e-7]]))


def test_blocks_are_as_large_as_may_be_and_reused() -> None:
    queries, gallery = unit(7, 1), unit(5, 2)
    sizes = []
    for rows, scores in score_blocks(queries, gallery[:2], gallery[2:], scan=Scan(block=16)):
        torch.testing.assert_close(scores, queries[rows] @ gallery.T)
        sizes.append(rows.stop - rows.start)
    assert sizes == [3, 3, 1]
    seen: list[Any] = []

    def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        seen.append((description, total))
        return iter(items)

    assert len(list(score_blocks(queries, gallery, scan=Scan(track=track, block=1)))) == 7
    assert seen == [("ranking", 7)]
    assert len(list(score_blocks(queries, gallery))) == 1
    assert Scan() == Scan("cpu", block=2**26)


class Asked:
    """An index of ten items on a line, nearest first, which keeps what it is asked."""

    def __init__(self) -> None:
        self.wanted: list[int] = []

    def candidates(self, where: str | None = None) -> Any:
        return [torch.ones(10, dtype=torch.bool).numpy()]

    def prepare(self, embeddings: torch.Tensor, what: str = "embedding") -> torch.Tensor:
        assert what == "query"
        return embeddings

    def search(self, queries: torch.Tensor, k: int = 10, **_: Any) -> Any:
        self.wanted.append(k)
        rows = [Hit(n + 1, 1 - n / 10, Path(f"{n}"), Record(f"{n}", id=n)) for n in range(10)]
        return [rows[:k] for _ in queries]

    def vectors_of(self, ids: Any) -> dict[int, torch.Tensor]:
        return {i: torch.tensor([1 - i / 10, i / 10]) for i in ids}


def test_an_index_is_asked_for_as_many_as_are_needed_and_no_more() -> None:
    query = torch.tensor([[1.0, 0.0]])
    for options, copies, wanted in (
        (SearchOptions(k=3), None, [3]),
        (SearchOptions(k=3), [5], [4]),  # itself may be among the hits: three others vote
        (SearchOptions(k=3, without_copy=True), None, [3]),
        (SearchOptions(k=3, without_copy=True), [0], [4]),
        (SearchOptions(k=3, expansion=2), [0], [3, 4]),
        (SearchOptions(k=3, reranking=Reranking(5, 2, among=4)), [0], [5]),
        (SearchOptions(k=3, reranking=Reranking(5, 2)), None, [10]),
    ):
        index = Asked()
        (answer,) = search(index, query, options, copies)
        assert index.wanted == wanted, options
        assert len(answer.hits) == 3
        assert (0 in [hit.record.id for hit in answer.hits]) != (
            options.without_copy and bool(copies)
        )
    (both,) = search(Asked(), query, SearchOptions(k=9, threshold=0.5))
    assert [hit.score for hit in both.hits] == pytest.approx([1, 0.9, 0.8, 0.7, 0.6, 0.5])
