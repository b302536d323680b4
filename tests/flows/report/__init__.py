"""Tests of flows/report."""
