"""Lessons on a lab that runs: how host-gw networks carry packets, seen on live ones, and one fault of each part."""
