"""The tree of the birds: as many families and orders in either half as were published."""

import pytest

from zoo.data.datasets.bird_tree import FAMILIES, ORDERS, family_and_order


def test_every_species_has_a_family_and_every_family_an_order() -> None:
    assert sorted(FAMILIES) == list(range(1, 201))
    assert sorted(ORDERS) == list(range(1, 39))
    assert set(FAMILIES.values()) == set(ORDERS)
    assert set(ORDERS.values()) == set(range(1, 14))


@pytest.mark.parametrize(
    ("species", "families", "orders"), [(range(1, 101), 30, 13), (range(101, 201), 20, 6)]
)
def test_the_halves_have_the_published_numbers(species: range, families: int, orders: int) -> None:
    found = [family_and_order(number) for number in species]
    # The second Laridae is a family of its own in the published tree, kept apart by its name.
    assert len({pair[0] for pair in found if pair}) == families
    assert len({pair[1] for pair in found if pair}) == orders


def test_birds_known_to_everyone_are_where_they_belong() -> None:
    assert family_and_order(1) == ("Diomedeidae", "Procellariiformes")  # an albatross
    assert family_and_order(100) == ("Pelecanidae", "Pelecaniformes")  # a pelican
    assert family_and_order(70) == ("Trochilidae", "Apodiformes")  # a hummingbird
    assert family_and_order(192) == ("Picidae", "Piciformes")  # a woodpecker
    assert family_and_order(201) is None
