"""The posterior of the first wrong step: what all evidence about a solution says together, and how sure that is."""
