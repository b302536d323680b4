"""Two releases side by side: which rows are the same in both, and what became of their labels."""
