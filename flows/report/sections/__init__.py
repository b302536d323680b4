"""The sections of a report, each made of the statistics of a release."""
