"""Judging: the fences round what is judged, the reading of replies, and what a majority of them says."""
