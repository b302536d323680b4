"""Classification: what rules can say of a mistake without a model, and what a classifier's reply says."""
