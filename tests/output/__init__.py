"""Tests of poolcheck.output."""
