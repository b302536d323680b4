"""Tree search: one tree for each question, whose states are beginnings of solutions and how often they are gone on from rightly."""
