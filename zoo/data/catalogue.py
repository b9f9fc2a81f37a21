"""The earlier name of `zoo.data.dataset`, for scripts outside this repository."""

from zoo.data.dataset import ImageDataset as Catalogue
from zoo.data.dataset import read_dataset as read_catalogue

__all__ = ["Catalogue", "read_catalogue"]
