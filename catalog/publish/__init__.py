"""Publishing: the files of a release, its card and its metadata, visible at once or not at all."""
