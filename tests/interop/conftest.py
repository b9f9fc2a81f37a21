"""The loopback Hub, for clients that read its address when they are imported."""

from tests.hub.conftest import caches as caches
from tests.hub.conftest import hub as hub
from tests.hub.conftest import new_hub as new_hub
from tests.hub.conftest import own_hub as own_hub
