"""Sources: problems and recorded solutions, from files through a field mapping."""
