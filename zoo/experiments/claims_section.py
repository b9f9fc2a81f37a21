"""What the papers claim, and what the runs say to it: a table, and a plot for each claim."""

from collections.abc import Sequence

from markupsafe import Markup

from zoo.experiments.claims import Verdict
from zoo.experiments.tables import SHORT, in_percent, numbers
from zoo.report import Pairs, pair_chart, paragraph, section, table

HOW_ANSWERED = (
    "Yes or no: the paired permutation test over queries says so (p at most 0.05), and so does "
    "every seed; unclear: anything else."
)
HOW_DRAWN = (
    "Each plot: both settings by seed, in percent, and the difference between them with its 95 % "
    "interval (bootstrap over queries, seeds averaged)."
)


def claims_section(verdicts: Sequence[Verdict]) -> list[Markup]:
    """Return the section: all answers in a table, then one plot a claim that has runs.

    Where no claim was asked, there is none.
    """
    if not verdicts:
        return []
    rows = [[v.claim.says, v.claim.source, v.answer, numbers(v)] for v in verdicts]
    blocks = [table(["claim", "source", "answer", "numbers"], rows), paragraph(HOW_ANSWERED)]
    drawn = [each for each in verdicts if each.findings]
    if drawn:
        blocks.append(paragraph(HOW_DRAWN))
    for each in drawn:
        blocks += [paragraph(f"{each.claim.says}: {each.answer}"), _claim_chart(each)]
    return [section("What the papers claim", *blocks)]


def _claim_chart(found: Verdict) -> Markup:
    """Return the one plot of a claim: a row for each metric that it speaks of."""
    metrics = [
        Pairs(
            SHORT.get(one.metric, one.metric),
            {seed: in_percent(one.metric, value) for seed, value in one.a_by_seed.items()},
            {seed: in_percent(one.metric, value) for seed, value in one.b_by_seed.items()},
            *(in_percent(one.metric, value) for value in (one.difference, one.low, one.high)),
        )
        for one in found.findings
    ]
    return pair_chart(found.claim.a.name, found.claim.b.name, metrics)
