"""The gates of a release."""
