"""Tests of the client, run against small releases published for them."""
