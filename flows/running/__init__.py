"""Running: the tables of a plan are made, partition by partition, and every request is answered once."""
