"""Tests of poolcheck.demo."""
