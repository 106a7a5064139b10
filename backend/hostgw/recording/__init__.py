"""Recordings: what the hosts said, and what taps saw, as lines of a file; and the fabric at any moment of it.

A snapshot is a recording of one moment. What is worked out (mesh, findings, journeys) is not written: whoever reads it
works it out again from the same facts.
"""
