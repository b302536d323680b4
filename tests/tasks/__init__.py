"""Tests of the stages and of what they are made of."""
