"""Which licences a card may name, and what a person must hear before using the weights."""

from zoo.cards.shelf import Card

FREE = frozenset({"apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc-by-4.0", "cc0-1.0"})
SHARE_ALIKE = frozenset({"cc-by-sa-4.0"})
NON_COMMERCIAL = frozenset({"cc-by-nc-4.0", "cc-by-nc-sa-4.0"})
OTHER = frozenset({"other", "unknown"})
KNOWN = FREE | SHARE_ALIKE | NON_COMMERCIAL | OTHER


def licence_warning(card: Card) -> str:
    """Return what to say before the card's weights are used; empty for a free licence."""
    if card.license in NON_COMMERCIAL:
        return f"{card.name}: licence {card.license}, not for commercial use"
    if card.license in SHARE_ALIKE:
        return f"{card.name}: licence {card.license}, what you derive keeps this licence"
    if card.license in OTHER or card.license not in KNOWN:
        link = card.front.get("license_link", "")
        return f"{card.name}: licence unknown or special, read it before use {link}".rstrip()
    return ""
