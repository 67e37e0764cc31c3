"""One self-contained HTML page a run, readable at any moment of it."""

from scaling.report.page import report_page, save_report
from scaling.report.record import RunRecord, read_record, record_of

__all__ = ["RunRecord", "read_record", "record_of", "report_page", "save_report"]
