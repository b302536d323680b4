"""Tests, laid out like the folders they test."""
