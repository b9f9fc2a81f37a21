"""Public image sets in the layout they are distributed in: one reader, one file each."""
