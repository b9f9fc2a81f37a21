"""The tiny dataset and networks of the training tests."""

from tests.training.conftest import dataset as dataset
from tests.training.conftest import network as network
from tests.training.conftest import photos as photos
from tests.training.conftest import recipe as recipe
