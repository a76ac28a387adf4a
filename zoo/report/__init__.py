"""Run folders of one corpus as a page, a CSV file and a table: a pure function of files, without Keras."""

from zoo.report.benchmark import write_published
from zoo.report.benchmark_voices import write_voices
from zoo.report.page import write_report
from zoo.report.publishing import check_target, publish
from zoo.report.runs import Run, load_runs
from zoo.report.tables import table

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
