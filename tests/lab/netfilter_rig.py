"""A router between a client and a server whose packets are made and seen byte by byte.

Client and server have no addresses: whatever the router sends them is only looked at, and nothing answers by itself.
All runs on one CPU, where the kernel handles packets in the order sent: when the router has answered an ARP request,
everything sent before has arrived or is lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

from hostgw.agent import filters
from hostgw.fabric import NamespaceState
from hostgw.model.ip import address_number, address_text
from hostgw.model.kernel import Address, Filter, Link, Route
from hostgw.paths.netfilter import Flow
from hostgw.wire import Section
from tests.lab.agent_rig import Nets, run

CLIENT_MAC, SERVER_MAC = "02:00:00:00:01:02", "02:00:00:00:02:02"
ROUTER_MACS = {"c0": "02:00:00:00:01:01", "s0": "02:00:00:00:02:01"}
CLIENTS = ("10.1.0.2", "10.1.0.66", "10.9.0.5")
SERVERS = ("10.2.0.2", "10.2.0.3", "10.8.0.5", "10.8.1.77")
OWN = ("10.1.0.1", "10.2.0.1", "10.2.0.77")
"""The router's addresses; the last is secondary."""
FREE = ("10.2.0.99", "10.1.0.98")
"""Addresses of nobody, for SNAT."""
NETMAPPED = ("10.2.0.96", "10.2.0.97", "10.2.0.98", "10.2.0.99")
IP, ARP = 0x0800, 0x0806
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}
SECONDS = 5
ATTEMPTS = 8
REFUSED = re.compile(r"(?:stdin:|line:? )(\d+)")
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Be in a named namespace, with everything that is started there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        assert _libc.setns(there, 0x40000000) == 0
        yield
    finally:
        assert _libc.setns(home, 0x40000000) == 0
        os.close(home)
        os.close(there)


@dataclass(frozen=True)
class Seen:
    """What became of a packet: arrived, refused or lost, and the addresses it arrived with."""

    fate: str
    source: int = 0
    destination: int = 0
    frame: bytes = b""


class Rig:
    """The three namespaces with their sockets."""

    def __init__(self, nets: Nets) -> None:
        self.nets = nets
        self._marker = 0
        self._build()
        self.client = self._packet_socket("client", "e0")
        self.server = self._packet_socket("server", "e0")
        with inside(nets.name("router")):
            self.local = [self._raw_socket(number) for number in PROTOCOLS.values()]
            self._control = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
            self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(self._cpus)})

    def close(self) -> None:
        os.sched_setaffinity(0, self._cpus)
        for held in (self.client, self.server, *self.local, self._control, self.out):
            held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self) -> None:
        nets = self.nets
        nets.add("client", "router", "server")
        name = {short: nets.name(short) for short in ("client", "router", "server")}
        for end, port, mac in (("client", "c0", CLIENT_MAC), ("server", "s0", SERVER_MAC)):
            ends = f"e0 address {mac} netns {name[end]} type veth peer {port} address {ROUTER_MACS[port]}"
            run("ip", "link", "add", *ends.split(), "netns", name["router"])
            nets.ip(end, "link set e0 up arp off")
        lines = [f"link set {port} up" for port in ROUTER_MACS]
        lines += ["addr add 10.1.0.1/24 dev c0", "addr add 10.2.0.1/24 dev s0", "addr add 10.2.0.77/24 dev s0"]
        lines += [f"neigh replace {a} lladdr {CLIENT_MAC} dev c0 nud permanent" for a in (*CLIENTS, "10.1.0.98")]
        lines += [f"neigh replace {a} lladdr {SERVER_MAC} dev s0 nud permanent" for a in (*SERVERS, *NETMAPPED)]
        lines += ["route add 10.9.0.0/16 via 10.1.0.2", "route add 10.8.0.0/16 via 10.2.0.2"]
        nets.batch("router", lines)
        for path, value in SYSCTLS.items():
            with inside(name["router"]), contextlib.suppress(OSError):
                Path(f"/proc/sys/net/{path}").write_text(value)

    def _packet_socket(self, short: str, device: str) -> socket.socket:
        with inside(self.nets.name(short)):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        made.bind((device, 3))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@qq", SECONDS, 0))
        return made

    @staticmethod
    def _raw_socket(number: int) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
        made.setblocking(False)
        return made

    def load(self, iptables: dict[str, str], native: str) -> None:
        """Replace all rules of the router: iptables-save texts by backend, and an nft script."""
        with inside(self.nets.name("router")):
            restore(["nft", "-f", "-"], f"flush ruleset\n{native}")
            for backend, text in iptables.items():
                left = filters.legacy_tables() if backend == "legacy" else []
                whole = text + "".join(EMPTY[table] for table in left if f"*{table}\n" not in text)
                if whole:
                    restore([f"iptables-{backend}-restore"], whole)

    def forget(self) -> None:
        """Forget all connections."""
        message = struct.pack("=IHHII", 20, 0x0102, 5, 1, 0) + struct.pack("=BBH", socket.AF_INET, 0, 0)
        self._control.send(message)
        assert struct.unpack_from("=IHHIIi", self._control.recv(4096))[-1] == 0

    def state(self) -> NamespaceState:
        """Return the router's state, its rules as the agent reads them."""
        with inside(self.nets.name("router")):
            rows = [Filter(**row) for row in filters.read()]
        return NamespaceState(MappingProxyType({**STATE, Section.FILTERS: {row.backend: row for row in rows}}))

    def send(self, flow: Flow, answer: bool = False) -> Seen:
        """Send a packet into the router, or out of it when it has no incoming device; tell what became of it."""
        self._drain()
        self._marker = self._marker % 60000 + 1
        packet = datagram(flow, self._marker)
        if not flow.iif:
            with contextlib.suppress(PermissionError):
                self.out.sendto(packet, (address_text(flow.destination), 0))
        else:
            side = self.client if flow.iif == "c0" else self.server
            side.send(ethernet(ROUTER_MACS[flow.iif], IP) + packet)
        self._fence()
        return self._seen(flow.number)

    def _drain(self) -> None:
        for held in (self.client, self.server, *self.local):
            list(received(held))

    def _fence(self) -> None:
        mac = bytes.fromhex(CLIENT_MAC.replace(":", ""))
        ask = struct.pack(">HHBBH", 1, IP, 6, 4, 1) + mac + socket.inet_aton("10.1.0.2")
        self.client.send(ethernet("ff:ff:ff:ff:ff:ff", ARP) + ask + bytes(6) + socket.inet_aton("10.1.0.1"))
        self._frames = []
        while True:
            frame, address = self.client.recvfrom(2048)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            if address[1] == ARP:
                return
            self._frames.append(frame[14:])

    def _seen(self, protocol: int) -> Seen:
        frames = self._frames + [frame[14:] for frame in received(self.server)]
        frames += [frame for held in self.local for frame in received(held)]
        refused = False
        for frame in frames:
            number, kind = frame[9], frame[20] if len(frame) > 20 else 0
            if number == protocol and struct.unpack_from(">H", frame, 4)[0] == self._marker:
                source, destination = struct.unpack_from(">II", frame, 12)
                return Seen("arrived", source, destination, frame)
            refused = refused or (number == 1 and kind == 3) or (number == 6 and bool(frame[33] & 4))
        return Seen("refused" if refused else "lost")


def restore(argv: list[str], text: str) -> None:
    """Load rules; lines that the tool or the kernel refuses, as it names them, are left out."""
    lines = text.splitlines()
    for _ in range(ATTEMPTS):
        done = subprocess.run(argv, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        for number in {int(found) for found in REFUSED.findall(done.stderr)}:
            lines[number - 1] = ""
    raise AssertionError((argv, done.stderr, "\n".join(lines)))


def received(held: socket.socket) -> Iterator[bytes]:
    """Yield what a socket has received so far, without what it sent itself."""
    while True:
        try:
            frame, address = held.recvfrom(2048, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not (held.family == socket.AF_PACKET and address[2] == socket.PACKET_OUTGOING):
            yield frame


def ethernet(destination: str, kind: int) -> bytes:
    return bytes.fromhex(destination.replace(":", "")) + bytes.fromhex("020000000099") + struct.pack(">H", kind)


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def datagram(flow: Flow, marker: int) -> bytes:
    """Return the IP packet of a flow; `marker` is its IP id."""
    body = _body(flow)
    head = struct.pack(
        ">BBHHHBBHII", 0x45, 0, 20 + len(body), marker, 0x4000, 64, flow.number, 0, flow.source, flow.destination
    )
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def _body(flow: Flow) -> bytes:
    if flow.number == 1:
        kind = 0 if flow.direction == "REPLY" else 8
        body = struct.pack(">BBHHH", kind, 0, 0, flow.sport or flow.dport, 1) + b"payload."
        return body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    if flow.number == 17:
        body, place = struct.pack(">HHHH", flow.sport, flow.dport, 16, 0) + b"payload.", 6
    else:
        sequence, acknowledged = TCP_NUMBERS[flow.tcp_flags]
        body = struct.pack(
            ">HHIIBBHHH", flow.sport, flow.dport, sequence, acknowledged, 0x50, flow.tcp_flags, 8192, 0, 0
        )
        place = 16
    pseudo = struct.pack(">IIBBH", flow.source, flow.destination, 0, flow.number, len(body))
    return body[:place] + struct.pack(">H", checksum(pseudo + body)) + body[place + 2 :]


TCP_NUMBERS = {2: (1000, 0), 18: (5000, 1001), 16: (1001, 5001), 17: (1001, 5001)}
"""Sequence numbers by flags: SYN, SYN and ACK, ACK, FIN and ACK."""
SYSCTLS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/c0/rp_filter": "0",
    "ipv4/conf/s0/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/c0/send_redirects": "0",
    "ipv4/conf/s0/send_redirects": "0",
    "ipv4/conf/all/route_localnet": "0",
    "ipv4/icmp_echo_ignore_all": "1",
    "ipv4/icmp_ratelimit": "0",
    "ipv4/icmp_ratemask": "0",
    "ipv4/icmp_msgs_per_sec": "1000000",
    "ipv4/icmp_msgs_burst": "1000000",
    "netfilter/nf_conntrack_tcp_loose": "0",
}
EMPTY = {
    table: f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains.split()) + "COMMIT\n"
    for table, chains in {
        "raw": "PREROUTING OUTPUT",
        "mangle": "PREROUTING INPUT FORWARD OUTPUT POSTROUTING",
        "nat": "PREROUTING INPUT OUTPUT POSTROUTING",
        "filter": "INPUT FORWARD OUTPUT",
        "security": "INPUT FORWARD OUTPUT",
    }.items()
}
"""Each table as iptables-save would show it without rules."""
_ADDRESSES = (
    Address(2, "10.1.0.1", 24),
    Address(3, "10.2.0.1", 24),
    Address(3, "10.2.0.77", 24, secondary=True),
    Address(1, "127.0.0.1", 8, scope="host"),
)
_ROUTES = (
    Route("10.1.0.0/24", oif=2, scope="link", protocol="kernel"),
    Route("10.2.0.0/24", oif=3, scope="link", protocol="kernel"),
    Route("10.9.0.0/16", gateway="10.1.0.2", oif=2),
    Route("10.8.0.0/16", gateway="10.2.0.2", oif=3),
)
_LINKS = (Link(1, "lo", "loopback", up=True), Link(2, "c0", "veth", up=True), Link(3, "s0", "veth", up=True))
STATE = {
    Section.ADDRESSES: MappingProxyType(dict(enumerate(_ADDRESSES))),
    Section.ROUTES: MappingProxyType(dict(enumerate(_ROUTES))),
    Section.LINKS: MappingProxyType(dict(enumerate(_LINKS))),
}
"""What the agent would say of the router beside its rules."""
NUMBERS = {text: address_number(text) for text in (*CLIENTS, *SERVERS, *OWN, *FREE)}
