"""Hosts without a Python: what iproute2 and the firewall's own tools print there, as the agent would have told it.

Nothing can be changed, captured or probed that way, and nothing is told as it happens: the host is read every few
seconds. Everything above sees the same messages.
"""
