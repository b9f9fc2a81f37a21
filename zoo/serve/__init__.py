"""A search page and an HTTP API over indexes."""
