"""The page's section of claims: every answer in the table, one plot for each that has runs."""

import torch

from zoo.experiments.claims import CLAIMS, Claim, Verdict, verdict
from zoo.experiments.claims_section import claims_section
from zoo.experiments.standings import Values

SEEDS = 3


def runs(**metrics: float) -> dict[int, Values]:
    """Forty queries a seed; each seed is a tenth better than the last."""
    return {
        seed: {
            name: torch.full((40,), value * (1 + 0.1 * seed), dtype=torch.float64)
            for name, value in metrics.items()
        }
        for seed in range(SEEDS)
    }


def asked(claim: Claim, a: dict[int, Values], b: dict[int, Values]) -> Verdict:
    return verdict(claim, {claim.a.name: a, claim.b.name: b})


def test_every_claim_with_runs_has_exactly_one_plot_of_all_its_metrics() -> None:
    both = CLAIMS["h_ap_trades_fine_for_coarse"]
    answered = asked(both, runs(h_ap=0.2, map_at_r=0.3), runs(h_ap=0.4, map_at_r=0.2))
    without = verdict(CLAIMS["simix"], {})
    (html,) = claims_section([answered, without])
    assert html.count('<img class="chart"') == 1
    assert "H-AP by seed: sup_ap 20.0, 22.0, 24.0, sup_hap 40.0, 44.0, 48.0" in html
    assert "mAP@R by seed: sup_ap 30.0, 33.0, 36.0" in html
    assert "SiMix" in html
    assert "not both settings have a finished run" in html


def test_captions_recalls_are_in_percent_already() -> None:
    claim = CLAIMS["learned_sorter"]
    (html,) = claims_section([asked(claim, runs(t2i_recall_at_1=4.0), runs(t2i_recall_at_1=5.0))])
    assert "sodeep-adaptive 4.0, 4.4, 4.8" in html


def test_without_a_claim_there_is_no_section_and_without_runs_no_plot() -> None:
    assert claims_section([]) == []
    (html,) = claims_section([verdict(CLAIMS["simix"], {})])
    assert "<img" not in html


def test_the_differences_interval_holds_the_difference_and_every_seed_is_kept() -> None:
    claim = CLAIMS["sup_ap_over_smooth_ap"]
    torch.manual_seed(0)
    a, b = runs(map_at_r=0.5), runs(map_at_r=0.5)
    for values in (*a.values(), *b.values()):
        values["map_at_r"].mul_(torch.rand(40))
    (found,) = asked(claim, a, b).findings
    assert found.low < found.difference < found.high
    assert found.a_by_seed.keys() == found.b_by_seed.keys() == set(range(SEEDS))
    assert sum(found.b_by_seed.values()) / SEEDS == found.b
