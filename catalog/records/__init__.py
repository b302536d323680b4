"""Records: the bytes of files as mappings, one after the other, each with where it stands and what is wrong with it."""
