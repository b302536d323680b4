"""The Errata client."""
