"""Tests, mirroring the rooms of `zoo` and `cli`; a package, so that `tests` is this folder."""
