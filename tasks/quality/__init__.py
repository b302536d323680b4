"""Quality: what can be said of texts, answers and labels without a model."""
