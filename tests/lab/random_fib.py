"""Random routing set-ups in one namespace, and what its kernel says of packets there."""

from __future__ import annotations

import errno
import json
import random
import socket
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from hostgw.agent import links, routes, rules, sysctls
from hostgw.agent.memory import Memory
from hostgw.agent.netlink import KernelError, Netlink, attribute, u32
from hostgw.fabric import NamespaceState
from hostgw.lab.namespaces import inside
from hostgw.model.ip import address_number, address_text
from hostgw.model.kernel import Route
from hostgw.paths.fib import Outcome, Packet, Result
from hostgw.wire import Delta, Section, rows
from tests.lab.agent_rig import Nets, wait_for

DEVICES = ("eth0", "eth1", "eth2", "eth3")
TABLES = (254, 254, 254, 253, 100, 101)
ERRORS = {
    errno.EINVAL: Outcome.BLACKHOLE,
    errno.EHOSTUNREACH: Outcome.UNREACHABLE,
    errno.EACCES: Outcome.PROHIBIT,
    errno.ENETUNREACH: Outcome.NONE,
}
_HEAD = struct.Struct("=BBBBBBBBI")


def make(nets: Nets) -> None:
    """Four NICs, a bridge without ports, and a stub for each NIC whose state is its carrier."""
    nets.add("f", "far")
    for device in DEVICES:
        nets.pair("f", device, "far", device)
    nets.ip("f", "link add br0 type bridge")
    nets.sysctl("f", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
    nets.sysctl("f", *(f"net.ipv4.conf.{device}.rp_filter=0" for device in (*DEVICES, "br0")))


class Maker:
    """Commands for ip(8) from a seed; not all of them can be carried out, which does no harm."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._down, self._lost = seed % 4 == 1, seed % 4 == 2

    def lines(self) -> Iterator[str]:
        """Yield the commands that turn the namespace into this seed's."""
        yield from ("route flush table all", "nexthop flush")
        yield from (f"address flush dev {device}" for device in (*DEVICES, "br0"))
        yield from (f"link set {device} up" for device in (*DEVICES, "br0"))
        for number, device in enumerate((*DEVICES, "br0")):
            yield f"address add 10.{number}.0.1/16 dev {device}{self._some(' noprefixroute', 0.1)}"
            for _ in range(self.random.randrange(3)):
                length = self._pick(20, 24, 30, 31, 32)
                yield f"address add {self._address()}/{length} dev {device}{self._address_words()}"
        yield from self._nexthops()
        yield from (self._route() for _ in range(self.random.randrange(10, 80)))
        yield from self._rules()
        if self._down:
            yield f"link set {self._pick(*DEVICES)} down"

    def lost(self) -> list[str]:
        """Return the NICs that lose their carrier in the end: in one fabric of four, for the kernel takes its time."""
        return self.random.sample(DEVICES, self.random.randrange(1, 4)) if self._lost else []

    def settings(self) -> list[str]:
        """Return kernel settings, all of them."""
        ignoring = [f"{device}.ignore_routes_with_linkdown={int(self.random.random() < 0.5)}" for device in DEVICES]
        everywhere = f"all.ignore_routes_with_linkdown={int(self.random.random() < 0.2)}"
        compat = f"net.ipv4.nexthop_compat_mode={self.random.randrange(2)}"
        return [compat, *(f"net.ipv4.conf.{each}" for each in (everywhere, *ignoring))]

    def _pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def _some(self, words: str, chance: float) -> str:
        return words if self.random.random() < chance else ""

    def _address(self) -> str:
        return f"10.{self.random.randrange(5)}.{self.random.randrange(3)}.{self.random.randrange(256)}"

    def _address_words(self) -> str:
        return (
            self._some(" noprefixroute", 0.2)
            + self._some(" broadcast +", 0.3)
            + self._some(f" broadcast {self._address()}", 0.1)
            + self._some(" metric 77", 0.2)
        )

    def _prefix(self) -> str:
        length = self._pick(0, 8, 12, 15, 16, 16, 20, 23, 24, 24, 24, 25, 30, 32)
        number = address_number(self._address())
        return f"{address_text(number >> (32 - length) << (32 - length))}/{length}"

    def _way(self) -> str:
        device = self.random.randrange(4)
        gateway = f"10.{device}.{self.random.randrange(3)}.{self.random.randrange(2, 250)}"
        return f"via {gateway} dev eth{device}{self._some(' onlink', 0.3)}"

    def _nexthops(self) -> Iterator[str]:
        for number in range(1, 6):
            yield f"nexthop add id {number} {self._way()}"
        yield "nexthop add id 6 blackhole"
        yield "nexthop add id 7 group 1,3/2,4/5"
        yield "nexthop add id 8 group 6"
        yield "nexthop add id 9 dev eth2"

    def _target(self) -> str:
        return str(
            self._pick(
                self._way(),
                self._way(),
                self._way(),
                f"dev {self._pick(*DEVICES, 'br0')}",
                f"nhid {self.random.randrange(1, 10)}",
                f"nexthop {self._way()} nexthop {self._way()} weight 3",
                "",
            )
        )

    def _route(self) -> str:
        target = self._target()
        kind = "" if target else self._pick("blackhole ", "unreachable ", "prohibit ", "throw ", "throw ")
        words = self._some(f" metric {self._pick(10, 20)}", 0.4) + self._some(
            f" tos {self._pick('0x04', '0x08', '0x10')}", 0.2
        )
        verb = self._pick("add", "append", "prepend")
        return f"route {verb} {kind}{self._prefix()}{words} table {self._pick(*TABLES)} {target}"

    def _rules(self) -> Iterator[str]:
        if self.random.random() < 0.15:
            return
        if self.random.random() < 0.3:
            yield f"rule del pref {self._pick(32766, 32767)}"
        if self.random.random() < 0.2:
            yield "rule add pref 150 lookup local"
            yield "rule del pref 0"
        for _ in range(self.random.randrange(2, 12)):
            inverted, priority = self._some("not ", 0.3), self._pick(50, 60, 70, 150, 200)
            yield f"rule add {inverted}pref {priority} {self._asks()}{self._does()}"

    def _asks(self) -> str:
        return (
            self._some(f"from 172.16.{self.random.randrange(4)}.0/{self._pick(16, 22, 23, 24)} ", 0.3)
            + self._some(f"to {self._prefix()} ", 0.2)
            + self._some(f"iif {self._pick('eth0', 'eth1', 'br0', 'lo', 'lo', 'gone0')} ", 0.2)
            + self._some(f"oif {self._pick(*DEVICES)} ", 0.12)
            + self._some(f"fwmark {self._pick('0x1', '0x2/0x3', '0x0/0x2')} ", 0.2)
            + self._some(f"tos {self._pick('0x04', '0x08', '0x10')} ", 0.15)
            + self._some("ipproto tcp ", 0.05)
        )

    def _does(self) -> str:
        table = self._pick(254, 253, 100, 101, 102)
        suppressing = f"lookup {table} suppress_prefixlength {self._pick(0, 8, 16)}"
        leap = f"goto {self._pick(70, 150, 200)}"
        ending = self._pick("blackhole", "unreachable", "prohibit", "nop")
        return str(self._pick(f"lookup {table}", f"lookup {table}", suppressing, leap, leap, ending))

    def packet(self, state: NamespaceState) -> Packet:
        """Return a packet: from the host itself, or from elsewhere by a device."""
        rng = self.random
        own = [a for a in state.addresses if a.family == 4 and a.address.startswith("10.")]
        known = [route.dst.partition("/")[0] for route in state.routes if not route.dst.startswith("0.")]
        near = address_number(self._pick(*(known or ["10.0.0.0"]))) + rng.choice((0, 1, 2, 255, 256))
        edge = [address_number(a.broadcast or a.address) for a in own] or [0]
        destination = self._pick(address_number(self._address()), near, near, rng.choice(edge), 0x0B000001)
        up = [link.name for link in state.links.values() if link.up and link.name != "lo"]
        mark, tos = self._pick(0, 0, 1, 2, 3), self._pick(0, 0, 4, 8, 0x10, 0x24, 0xFC)
        if up and rng.random() < 0.6:
            source = address_number(f"172.16.{rng.randrange(5)}.{rng.randrange(256)}")
            return Packet(destination, source, self._pick(*up), mark, tos)
        source = address_number(rng.choice(own).address) if own and rng.random() < 0.5 else 0
        return Packet(destination, source, "", mark, tos)


def settle(nets: Nets, maker: Maker) -> None:
    """Turn the namespace into a seed's, whatever it was."""
    nets.batch("far", [f"link set {device} up" for device in DEVICES])
    nets.exec("f", "ip", "-force", "-batch", "-", text="\n".join([*_DEFAULTS, *maker.lines(), ""]), check=False)
    nets.sysctl("f", *maker.settings())
    lost = maker.lost()
    nets.batch("far", [f"link set {device} down" for device in lost])
    wait_for(lambda: all(_settled(link, lost) for link in nets.json("f", "link show type veth")))


def _settled(link: dict[str, Any], lost: list[str]) -> bool:
    """Tell whether the kernel has noticed what became of a NIC's carrier: it marks routes then, not before."""
    return (link["operstate"] == "UP") == (link["ifname"] not in lost and "UP" in link["flags"])


_DEFAULTS = (
    "rule flush",
    "rule add pref 0 lookup local",
    "rule add pref 32766 lookup main",
    "rule add pref 32767 lookup default",
)


class Kernel:
    """The namespace as the agent reads it, and as its kernel answers."""

    def __init__(self, path: str) -> None:
        self._path = path
        with inside(path):
            self._netlink = Netlink()

    def close(self) -> None:
        self._netlink.close()

    def state(self) -> NamespaceState:
        """Return the state as a session would hold it: through the agent's readers and the wire."""
        with inside(self._path):
            found = links.read(self._netlink, Memory(), own=True)
            read: dict[Section, list[dict[str, Any]]] = {
                Section.LINKS: found,
                Section.ADDRESSES: links.read_addresses(self._netlink, Memory()),
                Section.ROUTES: routes.read(self._netlink),
                Section.RULES: rules.read(self._netlink),
                Section.SYSCTLS: sysctls.read([row["name"] for row in found]),
            }
        state = NamespaceState()
        for section, rows_ in read.items():
            delta = Delta(section, 0, msgspec.Raw(json.dumps(rows_).encode()), (), True)
            state = state.with_rows(delta, rows(delta))
        return state

    def ask(self, packet: Packet, state: NamespaceState) -> dict[str, Any] | Outcome:
        """Return the table entry that the kernel uses, or how it refuses."""
        match = 0x3000  # RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE
        head = _HEAD.pack(socket.AF_INET, 32, 32 if packet.source else 0, packet.tos, 0, 0, 0, 0, match)
        body = attribute(1, packet.destination.to_bytes(4, "big"))
        body += attribute(2, packet.source.to_bytes(4, "big")) if packet.source else b""
        body += attribute(3, u32(state.links_by_name[packet.iif].index)) if packet.iif else b""
        body += attribute(16, u32(packet.mark)) if packet.mark else b""
        try:
            answers = self._netlink.ask(routes.GETROUTE, head + body)
        except KernelError as error:
            return ERRORS.get(error.errno or 0) or Outcome(f"errno {error.errno}")
        row = routes.parse(answers[0].body, local=True)
        assert row is not None
        return row


def agrees(result: Result, answer: dict[str, Any] | Outcome, state: NamespaceState) -> bool:
    """Tell whether the model's result is what the kernel answered."""
    if isinstance(answer, Outcome):
        by_rule = result.outcome is Outcome.UNREACHABLE and result.route is None  # a rule says so by ENETUNREACH
        return (Outcome.NONE if by_rule else result.outcome) is answer
    if answer["table"] == 255:
        return result.outcome.value == answer["type"]
    if result.route is None:
        return False
    if result.route.dst == "0.0.0.0/0" and answer["dst"] == "0.0.0.0/0":  # among equal ones, whose gateway answers ARP
        return (result.route.table, result.route.metric) == (answer["table"], answer["metric"])
    return _essence(msgspec.to_builtins(result.route)) == _essence(answer)


def _essence(row: dict[str, Any]) -> tuple[Any, ...]:
    same = tuple(row[name] for name in ("table", "dst", "metric", "nexthop_id"))
    if row["nexthop_id"]:  # what it resolves to depends on nexthop_compat_mode
        return same
    return (*same, row["gateway"], row["oif"], tuple((hop["gateway"], hop["oif"]) for hop in row["nexthops"]))


def shown(route: Route | None) -> str:
    """Return a route for a failing test's message."""
    return json.dumps(msgspec.to_builtins(route)) if route else "none"
