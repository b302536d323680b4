"""What is done with located mistakes: right continuations, pairs of steps, and wrong beginnings that are corrected."""
