"""The statistics of a release: counted from the tables of a build, or from the rows of a release."""
