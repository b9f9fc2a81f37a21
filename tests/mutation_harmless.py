"""Changes that no test could or should notice, each with its reason (see tests/mutation.py)."""

HARMLESS: dict[str, str] = {
    "zoo/metrics/ranks.py: "
    "`worst = scores.masked_fill(~relevant, torch.inf).amin(dim=1, keepdim=True)`: "
    "~relevant -> (relevant)": (
        "the rivals below every positive are then looked at too, and count nothing: only slower"
    ),
    "zoo/metrics/voc.py: `by_relevance = relevant.long().argsort(stable=True)`: True -> False": (
        "which of two equally relevant images comes first changes no precision"
    ),
}
