"""Indexes: folders of embeddings that can be searched, changed and trusted."""

from zoo.embedding.identity import ModelIdentity as ModelIdentity
from zoo.embedding.rows import Record as Record
from zoo.index.index import Index as Index
from zoo.index.layout import Plan as Plan
from zoo.index.update import Update as Update
from zoo.search.hits import Hit as Hit
