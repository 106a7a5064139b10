"""Replay: the line that shows where a recording stands, and the keys that move it."""
