"""Model cards: what one says, reading and writing them, the shelf of all."""
