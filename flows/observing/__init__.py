"""Observing: how a build goes is reported to Prefect, and to whoever listens to OpenLineage."""
