"""The files of a report, named apart from what draws them: that takes long to load."""

__all__ = ["REPORT_FILES"]

REPORT_FILES = ("report.html", "summary.json", "frames.ecsv")
"""What `write_report` writes."""
