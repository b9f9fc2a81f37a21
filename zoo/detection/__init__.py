"""Detectors: the only room that knows mmdetection."""
