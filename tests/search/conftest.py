"""The small indexes that the tests of indexes use."""

from tests.index.conftest import identity as identity
from tests.index.conftest import make_index as make_index
from tests.index.conftest import points as points
from tests.index.conftest import records as records
