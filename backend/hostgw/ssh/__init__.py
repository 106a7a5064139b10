"""Reach a host: settings, host keys, transport, bootstrap of the agent, session with reconnect."""
