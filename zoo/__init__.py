"""A model zoo for retrieval and detection, trained on the metric it is judged by."""

__version__ = "0.1.0"
