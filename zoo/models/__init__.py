"""Embedders: timm backbones that place images on the unit sphere."""

from zoo.models.config import EmbedderConfig as EmbedderConfig
from zoo.models.embedder import Embedder as Embedder
from zoo.models.embedder import build_embedder as build_embedder
from zoo.models.embedder import load_embedder as load_embedder
from zoo.models.embedder import save_embedder as save_embedder
from zoo.models.storage import read_config as read_config
