"""Reports people look at: one self-contained HTML file with tables, curves and images."""

from zoo.report.charts import histogram as histogram
from zoo.report.charts import line_chart as line_chart
from zoo.report.html import commands as commands
from zoo.report.html import counted as counted
from zoo.report.html import facts as facts
from zoo.report.html import page as page
from zoo.report.html import paragraph as paragraph
from zoo.report.html import section as section
from zoo.report.html import table as table
from zoo.report.images import Shown as Shown
from zoo.report.images import ranking as ranking
from zoo.report.images import rankings as rankings
from zoo.report.pair_chart import Pairs as Pairs
from zoo.report.pair_chart import pair_chart as pair_chart
