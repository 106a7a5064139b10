"""The picture of hosts, bridges, containers and routes, as text."""
