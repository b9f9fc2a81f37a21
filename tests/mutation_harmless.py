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
    "zoo/index/generations.py: `POINTER_SIZE = 1_000  # bytes; it has 100`: 1000 -> 1001": (
        "a ceiling ten times what is there: a byte more is as good"
    ),
    "zoo/index/lists.py: `return np.empty((0, each), np.uint8)`: 0 -> 1": (
        "the one row is left out by the mask of no items that chooses among the rows"
    ),
    "zoo/index/estimate.py: "
    "`PROBE = 32  # images or captions embedded to learn the rate`: 32 -> 33": (
        "one image more is timed, and the rate is that of one image"
    ),
    'zoo/index/where.py: `if getattr(error, "sqlite_errorcode", 0) in DAMAGED:`: 0 -> 1': (
        "an error of Python's own has no code: neither stands for damage"
    ),
    "zoo/index/measure.py: `if runs[0][0] < SLOW:`: "
    "runs[0][0] < SLOW -> (runs[0][0] <= SLOW)": "a search of one second to the nanosecond",
    "zoo/index/tune.py: `QUERIES = 1_000`: 1000 -> 1001": "one query more is held back",
    "zoo/ranking/step_sums.py: `EAGER, FUSED = 200_000, 16_000_000`: 200000 -> 200001": (
        "where a fused kernel begins to be faster, which is speed: one cell more or less"
    ),
    "zoo/ranking/step_sums.py: "
    "`for rows, items in _blocks(scores, before, kernel is _passed):`: kernel is _passed -> "
    "(kernel is not _passed)": "the size of the blocks, which is speed: sums are the same",
    "zoo/metrics/correlation.py: `ROWS = 1024  # rows of Kendall's pair table at once: "
    "1024 x 100,000 pairs are 100 MB a sign`: 1024 -> 1025": "memory of one row more",
    "zoo/losses/sup_ndcg.py: "
    "`discounts = torch.nn.functional.pad((1 / torch.log2(1 + places)).cumsum(0), (1, 0))`: "
    "0 -> 1 (2)": "a place more after the last, which nothing reads",
    "zoo/ranking/step_sums.py: `height = max(1, gaps // (gallery * width))`: 1 -> 2": (
        "a block of two rows where one is already too many: memory of one row more"
    ),
    "zoo/ranking/step_sums.py: "
    "`for rows, items in _blocks(rivals, own, kernel is _sums):`: kernel is _sums -> "
    "(kernel is not _sums)": "the size of the blocks, which is speed: sums are the same",
    "zoo/ranking/step_sums.py: "
    "`for rows, items in _blocks(rivals, own, kernel is _sums_and_slopes):`: "
    "kernel is _sums_and_slopes -> (kernel is not _sums_and_slopes)": (
        "the size of the blocks, which is speed: sums are the same"
    ),
    "zoo/hub/pickles.py: "
    "`return tensor.untyped_storage().nbytes() if tensor.layout is torch.strided else 0`: 0 -> 1": (
        "a tensor of another layout is refused either way; the message is off by a byte"
    ),
    "zoo/runs/options.py: "
    '`_require("--on-bad-image", self.on_bad_image, ("fail", "skip"))`: '
    "_require('--on-bad-image', self.on_bad_image, ('fail', 'skip')) -> pass": (
        "types are checked in tests, and refuse the word before; the line is for other callers"
    ),
    "zoo/report/charts.py: "
    "`axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=whole and max(values) > 1))`: "
    "6 -> 7": "how many ticks an axis has at most is a matter of looks",
    "zoo/evaluation/vectors.py: "
    "`how.scan if depth == 1 else replace(how.scan, block=how.scan.block // (8 * depth)),`: "
    "how.scan.block // (8 * depth) -> (how.scan.block * (8 * depth))": (
        "the rows of a block, which is memory: values are the same"
    ),
    "zoo/sorters/front.py: `return max(1, _PAIRS_AT_ONCE // scores.shape[1] ** 2)`: 2 -> 3": (
        "the rows judged at once, which is memory: the mean is over all of them"
    ),
    "zoo/evaluation/insight.py: "
    "`size = max(1, min(SAMPLE, BLOCK // len(measured.gallery)))`: 1 -> 2": (
        "two queries of a gallery of which one alone is too many: memory"
    ),
    "zoo/evaluation/measure.py: `if known is None and data.is_file():`: "
    "known is None and data.is_file() -> (known is None or data.is_file())": (
        "the data are read once more, and what is read decides the same"
    ),
    "zoo/evaluation/measure.py: `if protocol.draws > 1:`: 1 -> 2": (
        "a protocol draws its gallery once or ten times"
    ),
    "zoo/report/charts.py: `axes.bar_label(bars, fontsize=8)`: 8 -> 9": "the size of a number",
}
