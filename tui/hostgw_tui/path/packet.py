"""What kind of packet a path is asked for, and how many probes go; one check for command line and dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hostgw.model.path import Query

PROTOCOLS = ("icmp", "udp", "tcp")
MOST_PORT, MOST_PROBES, MOST_SIZE = 65535, 20, 9000


class Asked(NamedTuple):
    """What the dialog returns."""

    query: Query
    probes: int


def packet(protocol: str, port: int = 0, size: int = 0, *, whole: bool = False) -> Query:
    """Return the kind of packet.

    Raises:
        ValueError: a protocol with ports, and no port; a size for one that chooses its own.
    """
    from hostgw.model.path import Query  # lest the command line read it for every command

    if protocol != "icmp" and not port:
        raise ValueError("it needs a port, for example 80")
    if protocol == "tcp" and (size or whole):
        raise ValueError("size and DF are for icmp and udp; a connection chooses its own")
    return Query(protocol, port if protocol != "icmp" else 0, size=size, whole=whole)


def number(text: str, most: int, what: str, *, least: int = 0) -> int:
    """Return the number that was typed; nothing typed is the least.

    Raises:
        ValueError: it is none, or out of bounds.
    """
    if not text:
        return least
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:9]) <= most:
        raise ValueError(f"{what}: a number from {least} to {most}")
    return int(text)
