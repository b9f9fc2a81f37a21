"""Search: queries and a gallery of vectors in, ranked items out."""
