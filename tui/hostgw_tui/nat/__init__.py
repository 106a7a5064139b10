"""Screen 4: NAT and filter rules in words, tracked flows."""
