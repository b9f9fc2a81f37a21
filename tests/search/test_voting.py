"""The vote: near hits outvote far ones, and the winners are one path down the tree."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.index import Hit, Record
from zoo.search.voting import Vote, vote


def hit(score: float, **labels: str) -> Hit:
    return Hit(1, score, Path("x.png"), Record("x.png", labels=labels))


def test_votes_weigh_near_hits_more_than_many_far_ones() -> None:
    near, far = {"label": "tower", "group": "built"}, {"label": "tree", "group": "grown"}
    votes = vote([hit(0.9, **near), *(hit(0.4, **far) for _ in range(5))])
    share = 0.9**3 / (0.9**3 + 5 * 0.4**3)
    assert [(v.level, v.label, v.support) for v in votes] == [
        ("label", "tower", 1),
        ("group", "built", 1),
    ]
    assert [v.confidence for v in votes] == pytest.approx([share, share])


def test_a_finer_label_is_elected_below_the_coarser_one_that_won() -> None:
    votes = vote(
        [
            hit(0.5, label="a", group="x"),
            hit(0.4, label="b", group="y"),
            hit(0.41, label="c", group="y"),
            hit(1.0),
        ]
    )
    say = [0.5**3, 0.4**3, 0.41**3]  # "a" has the largest say, but its group has lost
    assert [(v.level, v.label, v.support) for v in votes] == [("label", "c", 1), ("group", "y", 2)]
    shares = [say[2] / sum(say), (say[1] + say[2]) / sum(say)]
    assert [v.confidence for v in votes] == pytest.approx(shares)


def test_nobody_votes_for_nothing_and_a_hit_on_the_other_side_says_nothing() -> None:
    assert vote([]) == []
    assert vote([hit(1.0)]) == []
    assert vote([hit(-0.5, label="a")]) == [Vote("label", "a", 0.0, 1)]


def test_a_re_ranked_hit_votes_with_its_similarity_not_with_its_new_score() -> None:
    first = Hit(1, 0.9, Path("x"), Record("x", labels={"label": "a"}), cosine=0.2)
    second = Hit(2, 0.8, Path("y"), Record("y", labels={"label": "b"}), cosine=0.7)
    assert vote([first, second])[0].label == "b"


TREE = st.tuples(st.sampled_from("xy"), st.sampled_from("pq"), st.sampled_from("123"))


@given(st.lists(st.tuples(st.floats(-1, 1), TREE), min_size=1))
def test_the_winners_are_always_one_path_of_the_tree(
    found: list[tuple[float, tuple[str, str, str]]],
) -> None:
    hits = [hit(s, label=f"{a}{b}{c}", middle=f"{a}{b}", top=a) for s, (a, b, c) in found]
    label, middle, top = vote(hits)
    assert label.label.startswith(middle.label)
    assert middle.label.startswith(top.label)
    assert 0 <= label.confidence <= middle.confidence <= top.confidence <= 1 + 1e-9
