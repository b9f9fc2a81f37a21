"""Each tensor meets one rule: it is renamed, known as a twin, dropped with a reason, or refused."""

import pytest
import torch

from zoo.errors import IntegrityError
from zoo.hub.conversion.rules import Drop, Rename, Rule, Twin, rename

ONES = torch.ones(4)


def test_the_first_rule_that_fits_the_whole_name_counts() -> None:
    rules: list[Rule] = [
        Rename(r"a\.(.+)", r"backbone.\1"),
        Drop("b", "not needed"),
        Drop(r"b\.*", "never met first"),
        Rename("p", "pooling.p", (1, 4)),
    ]
    found = rename({"a.weight": ONES, "b": ONES, "b.": ONES, "p": ONES}, rules, "here")
    assert found.tensors.keys() == {"backbone.weight", "pooling.p"}
    assert found.tensors["pooling.p"].shape == (1, 4)
    assert found.names == {"backbone.weight": "a.weight", "pooling.p": "p"}
    assert found.dropped == {"b": "not needed", "b.": "never met first"}


def test_a_twin_is_dropped_where_it_is_the_same_and_refused_where_not() -> None:
    rules: list[Rule] = [Rename("a", "a"), Twin("copy of (.)", r"\1")]
    assert rename({"a": ONES, "copy of a": ONES.clone()}, rules, "here").dropped == {
        "copy of a": "the same as a"
    }
    for tensors in ({"a": ONES, "copy of a": ONES + 1}, {"copy of a": ONES}):
        with pytest.raises(IntegrityError, match="should be the same tensor as a"):
            rename(tensors, rules, "here")


def test_the_first_three_of_what_nobody_knows_are_named_and_all_counted() -> None:
    unknown = dict.fromkeys("vwxyz", ONES)
    with pytest.raises(IntegrityError) as caught:
        rename({"a": ONES, **unknown}, [Rename("a", "a")], "here")
    assert str(caught.value) == "here: 5 tensors fit no rule of this format, first v, w, x"


def test_two_tensors_of_one_name_or_of_another_shape_are_refused() -> None:
    with pytest.raises(IntegrityError, match="b and a would both be c"):
        rename({"a": ONES, "b": ONES}, [Rename(".", "c")], "here")
    with pytest.raises(IntegrityError, match=r"a does not fit \[3\]"):
        rename({"a": ONES}, [Rename("a", "a", (3,))], "here")
