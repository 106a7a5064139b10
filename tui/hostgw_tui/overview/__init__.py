"""Screen 1: hosts, mesh matrix, findings."""
