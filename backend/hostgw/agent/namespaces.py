"""The network namespaces of containers on this machine, and what people call them.

A container's namespace is one that we can name (by a file or by a process that we see) and that holds the other end of
a veth of ours. The other end of the underlay NIC never counts: where it is a veth, it carries an address itself.
"""

from __future__ import annotations

import glob
import os
import socket
import struct
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Set

from hostgw.agent.docker import names as docker_names
from hostgw.agent.netlink import Netlink, attribute, attributes, u32
from hostgw.agent.visit import OWN

GETNSID = 90
NSID_EVENTS = (88, 89)
NAMED = ("/run/netns", "/var/run/netns", "/run/docker/netns")
MAX_NAMESPACES = 4096

Row = Dict[str, Any]


class Place(NamedTuple):
    """A namespace: where its file is, and a process in it if that is how we found it."""

    path: str
    pid: int = 0


class Handles:
    """The numbers by which the operator knows namespaces. One that went never comes back with its old number."""

    def __init__(self) -> None:
        self._by_inode: Dict[int, int] = {}
        self._last = 0
        self._nsids: Dict[int, int] = {}

    def of(self, number: int) -> int:
        """Return the handle of an inode."""
        if number not in self._by_inode:
            self._last += 1
            self._by_inode[number] = self._last
        return self._by_inode[number]

    def nsid(self, netlink: Netlink, number: int, path: str) -> int:
        """Return the netns id of an inode that is at a path; -1 when it has none. The kernel is asked once."""
        if number not in self._nsids:
            self._nsids[number] = _nsid(netlink, path)
        return self._nsids[number]

    def forget_nsids(self) -> None:
        """Ask again from now on: namespaces came or went."""
        self._nsids.clear()

    def keep(self, numbers: Iterable[int]) -> None:
        """Forget all inodes but these: the kernel uses inodes again."""
        alive = set(numbers)
        self._by_inode = {number: handle for number, handle in self._by_inode.items() if number in alive}


def inode(path: str) -> int:
    """Return a namespace's identity; 0 when it cannot be read."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def named_places() -> Iterable[Place]:
    """Yield the namespaces that have a file."""
    directories = {os.path.realpath(name): name for name in reversed(NAMED)}  # /var/run is /run nearly everywhere
    for name in sorted(directories.values()):
        for path in sorted(glob.glob(f"{name}/*")):
            yield Place(path)


def process_places() -> Iterable[Place]:
    """Yield the namespaces of processes."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            yield Place(f"/proc/{entry}/ns/net", int(entry))


def read(netlink: Netlink, links: List[Row], addressed: Set[int], handles: Handles) -> List[Row]:
    """Return the host's own namespace and the containers'.

    Args:
        netlink: a socket in the host's namespace.
        links: the host's devices.
        addressed: indexes of devices that hold an address of a network, as NICs do; the host's end of a container's
            pair holds none, or the gateway as a single address (kindnet's ptp).
        handles: who knows which namespace by what number.
    """
    rows: List[Row] = [_row(0, socket.gethostname(), inode(OWN), -1, "host", Place(""))]
    wanted = {
        link["peer_nsid"]
        for link in links
        if link["kind"] == "veth" and link["peer_nsid"] >= 0 and (link["master"] or link["index"] not in addressed)
    }
    found = _found(netlink, wanted, handles) if wanted else {}
    handles.keep(found)
    docker = docker_names(inode) if found else {}
    for number, (nsid, place) in found.items():
        name, source = _name(number, place, docker)
        rows.append(_row(handles.of(number), name, number, nsid, source, place))
    return rows


def _found(netlink: Netlink, wanted: Set[int], handles: Handles) -> "Dict[int, tuple[int, Place]]":
    """Return the wanted namespaces by inode; processes are looked at only for those that no file names."""
    found: "Dict[int, tuple[int, Place]]" = {}
    seen, missing = {0, inode(OWN)}, set(wanted)
    sources: List[Callable[[], Iterable[Place]]] = [named_places, process_places]
    for places in sources:
        for place in places() if missing else ():
            number = inode(place.path)
            if number in seen or len(seen) > MAX_NAMESPACES:
                continue
            seen.add(number)
            nsid = handles.nsid(netlink, number, place.path)
            if nsid in wanted:
                missing.discard(nsid)
                found[number] = (nsid, place)
    return found


def _row(handle: int, name: str, number: int, nsid: int, source: str, place: Place) -> Row:
    return {
        "id": handle,
        "name": name,
        "inode": number,
        "nsid": nsid,
        "source": source,
        "pid": place.pid,
        "path": place.path,
    }


def _nsid(netlink: Netlink, path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        for message in netlink.ask(GETNSID, struct.pack("=Bxxx", socket.AF_UNSPEC) + attribute(3, u32(fd))):
            raw = attributes(message.body, 4).get(1, b"")
            if len(raw) == 4:
                return int(struct.unpack("=i", raw)[0])
    except OSError:
        return -1
    finally:
        os.close(fd)
    return -1


def _name(number: int, place: Place, docker: Dict[int, str]) -> "tuple[str, str]":
    if number in docker:
        return docker[number], "docker"
    if not place.pid:
        return os.path.basename(place.path), "netns"
    try:
        with open(f"/proc/{place.pid}/comm", "rb") as file:
            command = file.read(64).decode("utf-8", "backslashreplace").strip()
    except OSError:
        command = "?"
    return f"{place.pid}:{command}", "process"
