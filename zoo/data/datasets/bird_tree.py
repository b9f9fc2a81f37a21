"""Family and order of the 200 birds of CUB.

The tree of Chang et al., "Your Flamingo is My Bird" (CVPR 2021; MIT licence, on GitHub:
PRIS-CV/Fine-Grained-or-Not), which SupRank uses. Species 84, a kittiwake, stands in a second family
Laridae under the kingfishers' order: an error of the published tree, kept so that numbers compare.
"""

# First to last species (1 to 200): family.
_FAMILIES = (
    "1-3:35 4:9 5-8:4 9-13:18 14-17:13 18:26 19:21 20:19 21:24 22:3 23-25:37 26-27:18 28:14 "
    "29-30:15 31-33:9 34-35:16 36:33 37-43:30 44:38 45:36 46:1 47-48:16 49:18 50-53:34 54:13 "
    "55-56:16 57:13 58:4 59-66:5 67-70:2 71-72:6 73-75:15 76:24 77-78:30 79-83:7 84:8 85:11 86:10 "
    "87:1 88:18 89-90:1 91:21 92:3 93:15 94:27 95-98:18 99:23 100-101:32 102-103:30 104:22 105:3 "
    "106:4 107-108:15 109:23 110:9 111-112:20 113-117:24 118:25 119-133:24 134:28 135-138:17 "
    "139-140:13 141-147:5 148:24 149-150:21 151-157:31 158-184:23 185-186:12 187-192:33 "
    "193-199:29 200:23"
)
# First to last family (1 to 38): order.
_ORDERS = "1:1 2:2 3:3 4-6:4 7-8:5 9:6 10:7 11-31:8 32:9 33:10 34:11 35-36:12 37-38:13"
FAMILY_NAMES = [
    "Anatidae",
    "Trochilidae",
    "Caprimulgidae",
    "Alcidae",
    "Laridae",
    "Stercorariidae",
    "Alcedinidae",
    "Laridae-2",
    "Cuculidae",
    "Gaviidae",
    "Alaudidae",
    "Bombycillidae",
    "Cardinalidae",
    "Certhiidae",
    "Corvidae",
    "Fringillidae",
    "Hirundinidae",
    "Icteridae",
    "Icteriidae",
    "Laniidae",
    "Mimidae",
    "Motacillidae",
    "Parulidae",
    "Passerellidae",
    "Passeridae",
    "Ptilonorhynchidae",
    "Sittidae",
    "Sturnidae",
    "Troglodytidae",
    "Tyrannidae",
    "Vireonidae",
    "Pelecanidae",
    "Picidae",
    "Podicipedidae",
    "Diomedeidae",
    "Procellariidae",
    "Phalacrocoracidae",
    "Fregatidae",
]
ORDER_NAMES = [
    "Anseriformes",
    "Apodiformes",
    "Caprimulgiformes",
    "Charadriiformes",
    "Coraciiformes",
    "Cuculiformes",
    "Gaviiformes",
    "Passeriformes",
    "Pelecaniformes",
    "Piciformes",
    "Podicipediformes",
    "Procellariiformes",
    "Suliformes",
]


def family_and_order(species: int) -> tuple[str, str] | None:
    """Return the family and the order of species 1 to 200, None for any other number.

    >>> family_and_order(1)
    ('Diomedeidae', 'Procellariiformes')
    """
    family = FAMILIES.get(species)
    if family is None:
        return None
    return FAMILY_NAMES[family - 1], ORDER_NAMES[ORDERS[family] - 1]


def _spread(ranges: str) -> dict[int, int]:
    """Return every number of `first-last:value` ranges with its value."""
    found = {}
    for part in ranges.split():
        numbers, value = part.split(":")
        first, _, last = numbers.partition("-")
        found.update(dict.fromkeys(range(int(first), int(last or first) + 1), int(value)))
    return found


FAMILIES, ORDERS = _spread(_FAMILIES), _spread(_ORDERS)
