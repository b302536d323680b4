"""Injection: right solutions made wrong on purpose, with a known first wrong step."""
