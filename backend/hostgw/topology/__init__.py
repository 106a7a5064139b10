"""The network as a picture: hosts, bridges and containers as nodes, routes as edges; written as SVG, DOT or data."""
