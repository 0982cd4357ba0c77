"""Tests of poolcheck.reference."""
