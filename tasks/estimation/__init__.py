"""Monte-Carlo estimation of where a solution first goes wrong: tallies of rollouts, and the methods that ask for them."""
