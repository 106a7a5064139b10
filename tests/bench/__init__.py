"""Figures, measured on lab hosts: `python -m tests.bench` (root). Nothing here asserts a time."""
