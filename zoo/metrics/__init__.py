"""Metrics: pure functions of scores and relevance, checked against brute force and libraries."""
