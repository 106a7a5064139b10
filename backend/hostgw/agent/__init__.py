"""Runs on the hosts: reads and watches their kernels, captures, and makes changes. Imports nothing else of hostgw."""
