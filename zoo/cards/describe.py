"""Cards in the words of the command line."""

from typing import Any

from zoo.cards.results import Result
from zoo.cards.shelf import Card

# What a reader looks for first, in this order; other metrics follow as the card lists them.
HEADLINES = ("recall_at_1", "h_ap", "map_at_r", "mean_average_precision", "ap", "map", "l1")


def card_summary(card: Card) -> dict[str, Any]:
    """Return a card's line of `rankzoo list`."""
    return {
        "name": card.name,
        "status": card.status,
        "task": card.task,
        "license": card.license,
        "source": str(card.source or f"recipe {card.block.get('recipe', '')}"),
        "architecture": card.block.get("architecture"),
        "recipe": card.block.get("recipe"),
        "loss": card.block.get("loss"),
        "datasets": list(card.datasets),
        "bytes": sum(record.size for record in card.files) or None,
        "headline": _headline(card),
    }


def _headline(card: Card) -> str | None:
    """Return the first number of the card: measured before quoted, the metric papers report."""
    ranked = sorted(card.results, key=lambda r: (r.provenance != "measured", _place(r.metric)))
    if not ranked:
        return None
    best = ranked[0]
    value = f"{best.value:.4g}" if isinstance(best.value, float) else str(best.value)
    return f"{best.metric} {value}" + (", quoted" if best.provenance == "quoted" else "")


def _place(metric: str) -> int:
    return HEADLINES.index(metric) if metric in HEADLINES else len(HEADLINES)


def card_details(card: Card) -> dict[str, Any]:
    """Return everything `rankzoo show --json` prints."""
    files = [record.as_json() for record in card.files]
    results = [result.as_json() for result in card.results]
    return {**card_summary(card), "files": files, "results": results, "text": card.body}


def card_facts(card: Card) -> list[tuple[str, str]]:
    """Return the lines of the table under a card: what is set, in reading order."""
    summary = card_summary(card)
    keys = ("status", "license", "source", "architecture", "recipe", "loss")
    lines = [(key, str(summary[key])) for key in keys if summary[key]]
    lines += [("data", ", ".join(card.datasets))] if card.datasets else []
    lines += [(f.name, f"{f.size:,} bytes, sha256 {f.sha256[:16]}…") for f in card.files]
    return lines + [_result_line(result) for result in card.results]


def _result_line(result: Result) -> tuple[str, str]:
    how = "; ".join(filter(None, (result.protocol, result.options)))
    value = f"{result.metric} {result.value} ({how})"
    return result.dataset, f"{value} — {result.provenance}: {result.origin}"
