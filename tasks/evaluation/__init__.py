"""The comparison of labels of the first wrong step with gold."""
