"""Changes that no test could or should notice, each with its reason (see tests/mutation.py)."""

HARMLESS: dict[str, str] = {
    "zoo/metrics/ranks.py: "
    "`worst = scores.masked_fill(~relevant, torch.inf).amin(dim=1, keepdim=True)`: "
    "~relevant -> (relevant)": (
        "the rivals below every positive are then looked at too, and count nothing: only slower"
    ),
    "zoo/metrics/graded.py: `for level in range(1, depth + 1):`: 1 -> 2 (2)": (
        "no item has a level beyond the depth"
    ),
    "zoo/metrics/uncertainty.py: `step = max(1, CELLS // max(1, len(deltas)))`: 1 -> 2 (2)": (
        "one query's draws in two portions"
    ),
    "zoo/ranking/step_sums.py: `height = max(1, gaps // (gallery * width))`: 1 -> 2": (
        "a block of two rows where one is already too many: memory of one row more"
    ),
    "zoo/ranking/step_sums.py: "
    "`for rows, items in _blocks(rivals, own, kernel is _sums):`: kernel is _sums -> "
    "(kernel is not _sums)": "the size of the blocks, which is speed: sums are the same",
}
