"""Hosts without a Python: what iproute2 and the firewall's own tools print there, as the agent would have told it.

Nothing can be changed or probed that way, and nothing but frames is told as it happens: the host is read every few
seconds. Everything above sees the same messages (`hostgw.ssh.plain_process`).
"""
