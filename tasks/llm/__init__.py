"""Language models: the prompts they are asked with, and the reading of what they reply."""
