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
    "zoo/ranking/step_sums.py: `height = max(1, gaps // (gallery * width))`: 1 -> 2": (
        "a block of two rows where one is already too many: memory of one row more"
    ),
    "zoo/ranking/step_sums.py: "
    "`for rows, items in _blocks(rivals, own, kernel is _sums):`: kernel is _sums -> "
    "(kernel is not _sums)": "the size of the blocks, which is speed: sums are the same",
}
