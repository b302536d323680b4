"""Tests of programs that are answers."""
