"""The ten types of synthetic vectors."""

import torch

from zoo.sorters.sequences import KINDS, mixture


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_mixture_is_a_function_of_its_seed() -> None:
    assert mixture(20, 30, generator()).equal(mixture(20, 30, generator()))
    assert not mixture(20, 30, generator()).equal(mixture(20, 30, generator(1)))


def test_each_of_the_ten_types_has_its_range() -> None:
    drawn = [draw(200, 50, generator()) for draw in KINDS]
    for kind in (0, 1, 7, 9):
        assert drawn[kind].abs().max() <= 1
    for kind in (3, 4):
        assert drawn[kind].min() >= 0
        assert drawn[kind].max() <= 1
    assert drawn[2].abs().max() > 3  # normal
    assert drawn[5].abs().max() > 2.5  # uniform, then normal
    assert drawn[8].max() > 45  # integers up to the length
    assert len(KINDS) == 10


def test_ramps_are_evenly_spaced_and_shuffling_keeps_their_values() -> None:
    ramp, shuffled = KINDS[3](5, 40, generator()), KINDS[4](5, 40, generator())
    assert ramp.diff(dim=1).std(1).max() < 1e-12
    torch.testing.assert_close(
        ramp,
        shuffled.sort(1, descending=False).values.where(
            (ramp[:, -1] > ramp[:, 0])[:, None], shuffled.sort(1, descending=True).values
        ),
    )
    assert not ramp.equal(shuffled)


def test_the_fixed_ramp_starts_at_minus_one() -> None:
    ramp = KINDS[9](2, 4, generator())
    assert ramp.tolist() == [[-1.0, -0.5, 0.0, 0.5]] * 2


def test_all_types_are_drawn() -> None:
    spread = mixture(400, 20, generator()).std(1)
    assert (spread > 3).float().mean() > 0.05  # shuffled integers: a tenth
    assert (spread < 0.3).float().mean() > 0.1  # ramps of unit range: a fifth
