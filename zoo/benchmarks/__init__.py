"""Measurements of speed and memory, each against a plainly written reference."""
