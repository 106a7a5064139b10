"""The network as a picture: hosts, bridges and containers as nodes, routes as edges; written as SVG, DOT or data."""

from hostgw.topology.build import build
from hostgw.topology.dot import dot
from hostgw.topology.graph import BridgeNode, ContainerNode, Edge, HostNode, Segment, Topology
from hostgw.topology.svg import svg

__all__ = ["BridgeNode", "ContainerNode", "Edge", "HostNode", "Segment", "Topology", "build", "dot", "svg"]
