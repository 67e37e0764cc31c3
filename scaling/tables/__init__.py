"""Tables for papers and programs: text, Markdown, LaTeX, HTML, CSV, all through pandas."""

from scaling.tables.counting import counting_table
from scaling.tables.imagenet import imagenet_table
from scaling.tables.networks import channels_table, cost_table, family_table, stages_table
from scaling.tables.table import ENDINGS, Table, TableFormat, save_table, write_table
from scaling.tables.trials import network_name, trials_table

__all__ = [
    "ENDINGS",
    "Table",
    "TableFormat",
    "channels_table",
    "cost_table",
    "counting_table",
    "family_table",
    "imagenet_table",
    "network_name",
    "save_table",
    "stages_table",
    "trials_table",
    "write_table",
]
