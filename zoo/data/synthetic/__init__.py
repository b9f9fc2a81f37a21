"""Datasets made here from drawings that arrive as packages: emoji and scenes."""
