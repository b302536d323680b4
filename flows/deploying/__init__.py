"""Deploying: builds and reports that Prefect starts by the clock or when asked."""
