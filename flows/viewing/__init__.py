"""Viewing: all rows of a release in a browser on this machine, found by DuckDB, shown by the page of the report."""
