"""The embedded engine: Abacus, a small Llama in NumPy."""
