"""The lessons as a table. Words in braces are the lab's own addresses and names, see `facts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Lesson(msgspec.Struct, frozen=True):
    """One step: what is explained, the probe that shows it, the fault to try."""

    title: str
    text: str
    source: str
    """Where the probe begins, as `trace` takes it: `vm1:c1`."""
    destination: str
    fault: str
    """Id of the lab's fault that is tried; one whose findings are not there before all of its steps are done."""
    trial: str
    """What the fault does to the path, said before it is tried."""


LESSONS: Final = (
    Lesson(
        "A container is a namespace, and a veth is its cable",
        "c1 of vm2 is a network namespace: it has interfaces, routes and an ARP table of its own, and sees none of"
        " its host's. Its only way out is a veth, a pair of interfaces that is one cable: eth0 ({c21}) inside, veth-c1"
        " outside, on the host. What goes in at one end comes out at the other. The outer end is a port of the bridge"
        " {bridge}, on which vm2 itself has the address {gw2}: the container's default gateway. The probe goes from"
        " {c21} to {gw2}, and no router is between them.",
        "vm2:c1",
        "{gw2}",
        "L3",
        "Take the outer end of the cable out of the bridge. The container still has its address and its routes, but"
        " what it sends comes out at a port that leads nowhere.",
    ),
    Lesson(
        "Containers of one host meet on its bridge",
        "c1 and c2 of vm2 have addresses of one subnet, {net2}: each takes the other for a neighbour, and asks by ARP"
        " for the MAC address of {c22}. The bridge {bridge} learns which MAC address is behind which port, and passes"
        " the frame from port to port. That is switching: nothing in the frame changes, and no route of the host is"
        " asked. The taps show it on both veths, but not on {bridge} itself, for the host's own IP stack has no part"
        " in it.",
        "vm2:c1",
        "vm2:c2",
        "L20",
        "Isolate both ports: a bridge passes no frame from an isolated port to another one. Not even the ARP request"
        " arrives, so that c1 never learns where to send the probe.",
    ),
    Lesson(
        "A host reaches its own containers by a connected route",
        "vm2 has the address {gw2}/24 on {bridge}, and with it the kernel made a route: {net2} dev {bridge}. So vm2"
        " asks for {c21} by ARP on its bridge, and sends the frame straight to the container. The source is the"
        " bridge's address when the host may choose, and {vm2} when a program is bound to that. This connected route"
        " is also the last step of every packet that comes from elsewhere.",
        "vm2",
        "vm2:c1",
        "R22",
        "Delete the connected route. The containers are still there, on the same bridge, but vm2 takes them for"
        " strangers: the next best route is the default one, and that leads away from them.",
    ),
    Lesson(
        "A host reaches other hosts' containers by one route per host",
        "This is host-gw mode: vm1 has a plain route {net2} via {vm2} dev {uplink}, and one like it for every other"
        " host. The next hop is the host that owns the subnet, hence the name. There is no tunnel: the packet leaves"
        " with the container's own address as destination, in a frame to the MAC address of vm2. There vm2 acts as a"
        " router: it takes one off the TTL, and passes the packet to its bridge.",
        "vm1",
        "vm2:c1",
        "R2",
        "Delete that route. vm1 still has a default route, so it does not refuse to send: it hands the packet to the"
        " router of the segment, which knows nothing of container subnets.",
    ),
    Lesson(
        "Container to container on another host: two hosts route",
        "c1 of vm1 ({c11}) knows nothing of other subnets and sends to its gateway {gw1}, which is vm1. vm1 forwards"
        " by {net2} via {vm2}, vm2 forwards to its bridge. Each of the two takes one off the TTL, and each puts MAC"
        " addresses of its own into the frame; the IP addresses stay {c11} and {c21} from end to end. For this both"
        " hosts must forward (net.ipv4.ip_forward), and nothing may rewrite the source between containers.",
        "vm1:c1",
        "vm2:c1",
        "F1",
        "Switch forwarding off on vm2. Every route is still right, and vm2 itself answers; but what is not for vm2"
        " itself is thrown away there.",
    ),
    Lesson(
        "To the outside, the host lends its address",
        "{outside} is a machine behind the router of the segment. Nobody out there has a route to {net1}, so an"
        " answer to {c11} would find no way back. Therefore a NAT rule of vm1 masquerades what leaves {network}: the"
        " source becomes the address of the interface by which it leaves vm1. The connection table of the kernel"
        " remembers that, and puts the container's address back into the answer. Between containers the same rules"
        " must leave the source alone: an exemption for {network} stands first.",
        "vm1:c1",
        "{outside}",
        "N4",
        "Delete the rule that masquerades. The probe still leaves, with {c11} as its source; whoever gets it does not"
        " know where to send the answer.",
    ),
    Lesson(
        "What breaks off the segment",
        "A route via {vm2} means: put the packet in a frame to the MAC address of {vm2}. A frame goes no further than"
        " its segment, so every host must be a neighbour of every other, with no router between them. For a next hop"
        " on another segment the kernel refuses the route; with `onlink` it takes it all the same, and asks by ARP for"
        " somebody who cannot hear. Where hosts stand in several segments, host-gw mode ends, and a tunnel (VXLAN,"
        " IPIP) or routes in the routers between them must take over. The probe first goes the healthy way.",
        "vm1:c1",
        "vm2:c1",
        "R8",
        "Let vm1's route to {net2} lead to a next hop on another segment, by `onlink`.",
    ),
)


def filled(lesson: Lesson, facts: Mapping[str, str]) -> Lesson:
    """Return a lesson with a lab's addresses in it; raises KeyError for a word that is no fact."""
    texts = {name: getattr(lesson, name).format_map(facts) for name in ("text", "trial", "source", "destination")}
    return msgspec.structs.replace(lesson, **texts)
