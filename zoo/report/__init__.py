"""Run folders of one corpus as a page, a CSV file and a table: a pure function of files, without Keras."""

from zoo.report.page import write_report
from zoo.report.published import write_published
from zoo.report.publishing import check_target, publish
from zoo.report.runs import Run, load_runs
from zoo.report.tables import table
from zoo.report.voices import write_voices

__all__ = [
    "Run",
    "check_target",
    "load_runs",
    "publish",
    "table",
    "write_published",
    "write_report",
    "write_voices",
]
