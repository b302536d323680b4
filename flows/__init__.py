"""What runs after what: the plan, the runner of one table, the Prefect flow, the command line."""
