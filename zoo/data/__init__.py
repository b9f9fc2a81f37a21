"""Image sets: reading, checking, holding out, and making them."""
