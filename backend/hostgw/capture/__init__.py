"""Taps on many hosts at once: frames, decoding, correlation, dissection, files."""
