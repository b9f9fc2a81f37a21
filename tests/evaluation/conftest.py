"""Coloured squares, and a network that tells them apart."""

from tests.squares import colour_model as colour_model
from tests.squares import squares as squares
