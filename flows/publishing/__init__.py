"""Publishing: complete tables become a release; releases are copied elsewhere; rows are traced to their origin."""
