"""The network as a picture: a graph of hosts, bridges, containers and routes, and the forms it is written in."""
