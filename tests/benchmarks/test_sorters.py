"""The comparison of sorters."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from zoo.benchmarks.front_plot import LETTER, LINE, front_svg
from zoo.benchmarks.sorters import Place, Vectors, candidates, compare_sorters, shifts
from zoo.errors import UnavailableError, UsageError
from zoo.sorters import GaussianSorter, exact_ranks
from zoo.sorters.front import judging_vectors
from zoo.sorters.pairwise import deviation
from zoo.sorters.store import build_sorter, save_sorter

PAIR = {name: candidates()[name] for name in ("gaussian", "scaled sigmoid 10")}


@pytest.mark.parametrize("inputs", sorted(shifts()))
def test_sorters_meet_the_same_vectors(inputs: str) -> None:
    ours, rival = compare_sorters(PAIR, Vectors(12, inputs=inputs, count=40))
    assert (ours.sorter, rival.sorter) == ("gaussian", "scaled sigmoid 10")
    assert ours.l1 == (0, 0, 0)
    assert max(rival.l1) > 0
    again, _ = compare_sorters(PAIR, Vectors(12, inputs=inputs, count=40))
    assert again == ours


def test_scale_and_offset_change_nothing_for_ours() -> None:
    plain, _ = compare_sorters(PAIR, Vectors(12, count=40))
    moved, _ = compare_sorters(PAIR, Vectors(12, inputs="times 1000, plus 5", count=40))
    assert moved.r2 == pytest.approx(plain.r2)


def test_scores_of_a_model_can_be_given() -> None:
    scores = torch.randn(10, 15)
    ours, _ = compare_sorters(PAIR, Vectors(inputs="model"), scores)
    assert (ours.inputs, ours.length) == ("model", 15)


def test_sorters_tied_to_another_length_are_left_out() -> None:
    from zoo.sorters import SORTERS

    tied = {"mlp": (lambda _: SORTERS["mlp"](length=9), True)}
    assert compare_sorters(tied, Vectors(12, count=5)) == []


def explained(
    scores: Float[Tensor, "vector length"],
    resolution: float,
    generator: Generator,
    draws: int,
) -> tuple[float, float]:
    """Return R², on fresh noise, of a linear map fitted to each vector's rank changes, and ours.

    The fit regresses the changes of `draws` perturbations on the perturbations themselves: up to
    its own noise (length / draws), nothing linear predicts more.
    """
    left = {"fitted": 0.0, "ours": 0.0}
    moved = 0.0
    for row in scores:
        drawn = torch.randn(2 * draws, len(row), generator=generator, dtype=torch.float64)
        noise = resolution * deviation(row[None]) * drawn
        changes = exact_ranks(row + noise) - exact_ranks(row[None])
        fitted = torch.linalg.lstsq(noise[:draws], changes[:draws]).solution
        ours = _jacobian(row, resolution)
        moved += float(changes[draws:].square().sum())
        for name, matrix in (("fitted", fitted), ("ours", ours)):
            left[name] += float((changes[draws:] - noise[draws:] @ matrix).square().sum())
    return 1 - left["fitted"] / moved, 1 - left["ours"] / moved


def _jacobian(row: Tensor, resolution: float) -> Tensor:
    length = len(row)
    leaf = row.expand(length, length).clone().requires_grad_()
    ranks = GaussianSorter(resolution)(leaf)
    (rows,) = torch.autograd.grad(ranks.diagonal().sum(), leaf)
    return rows.T


@pytest.mark.parametrize("resolution", [0.03, 0.3])
def test_no_linear_map_fitted_to_the_changes_beats_ours(resolution: float) -> None:
    scores, generator = judging_vectors(10, 6)
    fitted, ours = explained(scores, resolution, generator, draws=8000)
    assert ours == pytest.approx(fitted, abs=0.01)
    assert ours > fitted - 1e-4


def test_a_sorter_of_ones_own_takes_part_under_its_folders_name(tmp_path: Path) -> None:
    save_sorter(build_sorter("grus"), tmp_path / "mine", "grus")
    mine = {"mine": candidates([tmp_path / "mine"])["mine"]}
    assert [place.sorter for place in compare_sorters(mine, Vectors(12, count=20))] == ["mine"]
    with pytest.raises(UnavailableError):
        candidates([tmp_path / "nothing"])


def test_a_sorter_that_would_be_left_out_is_refused(tmp_path: Path) -> None:
    tied = tmp_path / "tied"
    save_sorter(build_sorter("mlp", length=9), tied, "mlp", length=9)
    assert "tied" in candidates([tied], 9)
    with pytest.raises(UsageError, match="ranks vectors of 9 scores, not of 12") as caught:
        candidates([tied], 12)
    assert caught.value.hint == "--length 9"
    same = tmp_path / "other" / "tied"
    save_sorter(build_sorter("grus"), same, "grus")
    with pytest.raises(UsageError, match="two sorters would be called tied"):
        candidates([tied, same])


def test_the_plot_is_a_image_of_every_sorter_at_every_resolution() -> None:
    places = compare_sorters(PAIR, Vectors(12, count=20))
    root = ElementTree.fromstring(front_svg(places))
    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(circles) == 2 * 3
    height, width = float(root.attrib["height"]), float(root.attrib["width"])
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height
    with pytest.raises(ValueError, match="at least one"):
        front_svg([])


def test_a_name_wider_than_the_plot_is_drawn_all_the_same() -> None:
    assert "s" * 80 in front_svg([Place("s" * 80, "mixture", 100, (0.01,) * 3, (0.7,) * 3)])


def test_no_label_of_the_plot_covers_another() -> None:
    close = [
        Place(f"sorter {n}", "mixture", 100, (0.01,) * 3, (0.7 + n / 500,) * 3) for n in range(8)
    ]
    root = ElementTree.fromstring(front_svg(close))
    labels = [n.attrib for n in root.iter() if (n.text or "").startswith("sorter")]
    places = [(float(label["x"]), float(label["y"])) for label in labels]
    assert len(places) == 8 * 3
    for number, (x, y) in enumerate(places):
        for a, b in places[:number]:
            assert abs(x - a) >= LETTER * len("sorter 0") or abs(y - b) >= LINE


def test_a_row_is_flat_and_unknown_inputs_are_refused() -> None:
    ours, _ = compare_sorters(PAIR, Vectors(12, count=40))
    assert list(ours.to_row()) == ["sorter", "l1", "r2_at_0.01", "r2_at_0.1", "r2_at_0.3"]
    with pytest.raises(UsageError, match="inputs 'poems'"):
        compare_sorters(PAIR, Vectors(12, inputs="poems", count=5))
