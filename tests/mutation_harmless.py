"""Changes that no test could or should notice, each with its reason (see tests/mutation.py)."""

HARMLESS: dict[str, str] = {
    "zoo/metrics/ranks.py: ~relevant -> (relevant)": (
        "the rivals below every positive are then looked at too, and count nothing: only slower"
    ),
}
