"""Active estimation: rollouts and votes are asked for where they can still change what becomes of a solution."""
