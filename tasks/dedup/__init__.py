"""How alike texts are: words, shingles, MinHash, verified pairs, clusters."""
