"""Observing: who watches a build is told how it goes: Prefect, and whoever listens to OpenLineage."""
