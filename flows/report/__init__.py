"""The report of a release: statistics of its tables, and the page that shows them to people."""
