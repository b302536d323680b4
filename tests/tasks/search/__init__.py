"""Tree search, on a model whose every word is known beforehand."""
