"""The whole path on real images in minutes: measure, fine-tune, measure again, index, search."""

from zoo.quickstart.page import write_report as write_report
from zoo.quickstart.run import Quickstart as Quickstart
from zoo.quickstart.run import free_folder as free_folder
from zoo.quickstart.run import quickstart_recipe as quickstart_recipe
from zoo.quickstart.run import run_quickstart as run_quickstart
