"""Tests of finding answers and of comparing them with gold."""
