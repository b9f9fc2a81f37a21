"""The `rankzoo` command line."""
