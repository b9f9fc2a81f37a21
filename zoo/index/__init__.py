"""Indexes: folders of embeddings that can be searched, changed and trusted."""

from zoo.index.hits import Hit as Hit
from zoo.index.index import Index as Index
from zoo.index.layout import Plan as Plan
from zoo.index.manifest import ModelIdentity as ModelIdentity
from zoo.index.rows import Record as Record
from zoo.index.update import Update as Update
