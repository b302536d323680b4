"""Views: the row formats in which a corpus is released for training and evaluation."""
