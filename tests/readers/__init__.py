"""Tests of the readers: text in, subjects out."""
