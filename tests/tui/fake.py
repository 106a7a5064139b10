"""An engine without hosts: real checks, plans and journal over fabrics made by hand; changes act on the fabric."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from hostgw.capture.tap_points import TapPoint
from hostgw.capture.taps import Capture
from hostgw.checks.run import ordered, run
from hostgw.checks.words import finding
from hostgw.errors import CaptureError
from hostgw.fabric import Fabric, Host
from hostgw.live.differences import Event
from hostgw.live.setting_up import SettingUp
from hostgw.live.tracing import Tracing
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.change import (
    AddressChange,
    AttachmentChange,
    BridgeChange,
    ChainChange,
    Change,
    FileChange,
    RouteChange,
    SysctlChange,
)
from hostgw.model.finding import Finding
from hostgw.model.host_state import HostState
from hostgw.model.ip import Prefix, interface_prefix
from hostgw.model.kernel import Address, Bridge, ConntrackEntry, Counters, Filter, Link, Port, Route, Sysctl
from hostgw.model.path import End, Query
from hostgw.model.probe import Probes
from hostgw.plans.apply import apply
from hostgw.plans.build import plan
from hostgw.plans.journal import Journal
from hostgw.plans.model import Outcome, Plan
from hostgw.plans.persist import persist_plan
from hostgw.plans.running import Phase, Run
from hostgw.plans.standing import Judged, judged
from hostgw.plans.undo import undo_plan, undo_since
from hostgw.report.path import kind
from hostgw.wire import Applied, ConntrackReply, Guarded, ProbeAnswer, ProbeReply, Row, Section
from tests.disk import files
from tests.fabrics import BRIDGE, LO, NIC, altered, healthy, routes, subnet, with_chain
from tests.fake_hosts import QUICK, FakeHosts

CLOCK = 1000.0
WALL_CLOCK = 1_000_000.0


def settled(fabric: Fabric) -> Fabric:
    """Hosts that were heard of half a second ago, with a round trip."""
    for number, host in enumerate(fabric.hosts.values(), 1):
        fabric = fabric.with_host(replace(host, changed_at=CLOCK - 0.5, rtt_ns=number * 310_000))
    return fabric


def one_missing(hosts: int = 3) -> Fabric:
    """vm1 has no route to vm2's subnet."""
    return settled(routes(healthy(hosts), "vm1", lambda rs: [r for r in rs if r.dst != subnet(2)]))


def many_faults() -> Fabric:
    """A wrong next hop, a blackhole, forwarding off, NAT between containers, and a stale route."""
    fabric = one_missing(4)
    wrong = lambda rs: [replace_gateway(r, "10.5.7.63") if r.dst == subnet(3) else r for r in rs]  # noqa: E731
    fabric = routes(fabric, "vm2", wrong)
    fabric = routes(fabric, "vm3", lambda rs: [*rs, Route("10.239.1.128/25", type="blackhole")])
    fabric = altered(fabric, "vm4", Section.SYSCTLS, lambda rows: [_off(row) for row in rows])
    return routes(fabric, "vm2", lambda rs: [*rs, Route("10.239.9.0/24", gateway="10.5.7.60", oif=NIC)])


def blackholed() -> Fabric:
    """vm1 drops what goes to vm2's containers."""
    hole = Route(subnet(2), type="blackhole")
    return settled(routes(healthy(), "vm1", lambda rs: [*(r for r in rs if r.dst != subnet(2)), hole]))


def replace_gateway(route: Route, gateway: str) -> Route:
    """The same route by another next hop."""
    return Route(route.dst, gateway=gateway, oif=route.oif, protocol=route.protocol)


def _off(row: Row) -> Row:
    return Sysctl(row.path, "0") if isinstance(row, Sysctl) and row.path == "net/ipv4/ip_forward" else row


def connecting() -> Fabric:
    """Nobody has answered yet."""
    return Fabric({f"vm{n}": Host(f"vm{n}", address=f"10.5.7.{59 + n}") for n in (1, 2, 3)})


def broken() -> Fabric:
    """vm1 is healthy, vm2 stale, vm3 out of reach, vm4's key has changed."""
    fabric = settled(healthy(4))
    stale = replace(fabric.hosts["vm2"], state=HostState.STALE, changed_at=CLOCK - 75, error="nothing heard for 75 s")
    error = "cannot connect: no route to host. Is the machine up?"
    fabric = fabric.with_host(stale)
    fabric = fabric.with_host(Host("vm3", HostState.UNREACHABLE, error, address="10.5.7.62"))
    changed = "the host key has changed: SHA256:abc. If this is right, remove the old key from known_hosts."
    return fabric.with_host(Host("vm4", HostState.KEY_CHANGED, changed, address="10.5.7.63"))


def related() -> tuple[Finding, ...]:
    """A bridge that is down on vm2 and what follows from it; things worth knowing of vm1."""
    root = finding("bridge-down", "vm2", "br0", "bridge br0 is down", "nobody reaches its containers", ("br0: down",))
    unrouted = finding("subnet-unrouted", "vm2", subnet(2), f"no route to the own subnet {subnet(2)}", "")
    silent = finding("container-no-default", "vm2", "c1", "c1 has no default route", "it reaches its subnet only")
    ports = [finding("hairpin-off", "vm1", f"veth-c{n}", f"veth-c{n} sends nothing back", "") for n in range(1, 6)]
    return (
        root,
        structs.replace(unrouted, caused_by=(root.id,)),
        structs.replace(silent, caused_by=(unrouted.id,)),
        finding("bridge-mac-floats", "vm1", "br0", "the MAC address of br0 is that of its lowest port", ""),
        *ports,
    )


def counters(fabric: Fabric, packets: int) -> Fabric:
    """Every host reports counters."""
    rows: list[Row] = [
        Counters(NIC, packets, packets * 2, packets * 100, packets * 250),
        Counters(BRIDGE, packets * 2, packets, packets * 90, packets * 110, rx_dropped=3),
    ]
    for name in [host.name for host in fabric.readable]:
        fabric = altered(fabric, name, Section.COUNTERS, lambda _rows: rows)
    return fabric


class FakeEngine:
    """Holds a fabric; `become` changes it as the hosts would."""

    is_recording = False

    def __init__(
        self, fabric: Fabric, directory: Path, read_only: bool = False, extra: tuple[Finding, ...] = ()
    ) -> None:
        self.read_only = read_only
        self.watch_s = 15.0
        self.shown_capture: Capture | None = None
        self.record_error = ""
        self.events: tuple[Event, ...] = ()
        self.extra = extra
        self.journal = Journal(directory)
        self.log: list[str] = []
        self.asked: list[str] = []
        self.probes: Probes | None = None
        self.looking = False
        self.answers_with = "applied"
        self.held: list[tuple[Plan, Future[Outcome]]] = []
        self.hold = False
        self._one = threading.Lock()
        self.run = Run()
        self.put_back: tuple[str, ...] = ()
        self.settled: tuple[str, ...] = ()
        self.tapped: Callable[[Sequence[TapPoint], str], Capture] | None = None
        self.traced: Callable[[End, End], Tracing] | None = None
        self.flows: tuple[ConntrackEntry, ...] = ()
        self._subscribers: list[Callable[[], None]] = []
        self._number = 0
        self.network: Prefix | None = None
        self.setting_up = SettingUp(self.view, lambda fabric, told: build(fabric, told_network=told), dict, self._tell)
        self.become(fabric)

    def become(self, fabric: Fabric) -> None:
        """Publish a new picture."""
        mesh = build(fabric, told_network=self.network)
        self._number += 1
        self._view = View(fabric, mesh, ordered((*run(fabric, mesh), *self.extra)), self._number)
        for callback in self._subscribers:
            callback()

    def _tell(self, network: Prefix) -> None:
        self.network = network
        self.become(self._view.fabric)

    def view(self) -> View:
        return self._view

    def subscribe(self, callback: Callable[[], None]) -> None:
        self._subscribers.append(callback)

    def start(self) -> None:
        self.asked.append("start")

    def stop(self) -> None:
        self.asked.append("stop")

    def give_way(self) -> None:
        pass

    def look(self, counters: bool, host: str = "") -> None:
        self.looking = counters

    def retry(self, host: str) -> None:
        self.asked.append(f"retry {host}")

    def refresh(self) -> None:
        self.asked.append("refresh")

    def plan(self, findings: Sequence[Finding]) -> Plan:
        return plan(findings, self._view.fabric, self._view.mesh)

    def judged(self) -> tuple[Judged, ...]:
        return judged(self.journal.entries(), self._view.fabric)

    def undo_plan(self, journal_id: str | None = None) -> Plan:
        return undo_plan(journal_id, self.journal.entries(), self._view.fabric, self._view.mesh)

    def undo_since(self, journal_id: str | None = None) -> Plan:
        return undo_since(journal_id, self.journal.entries(), self._view.fabric, self._view.mesh)

    def ask_guards(self) -> None:
        pass

    def roll_back(self, host: str, guard: str) -> Future[Guarded]:
        self.asked.append(f"roll back {host} {guard}")
        future: Future[Guarded] = Future()
        future.set_result(Guarded(1, True))
        return future

    def persist_plan(self, hosts: Sequence[str] = ()) -> Plan:
        held = {name: files(self._view.fabric, {}, name=name) for name in hosts or self._view.fabric.hosts}
        return persist_plan(self._view.fabric, self._view.mesh, held)

    def apply(self, wanted: Plan, /, run: Run | None = None, allow_management: bool = False) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        self.run = run or Run()
        if self.hold:
            for host in wanted.hosts:
                self.run.reach(host, Phase.VERIFYING, CLOCK + 29.6)
            self.held.append((wanted, future))
        else:
            future.set_result(self._apply(wanted, allow_management))
        return future

    def watch(self, outcome: Outcome) -> tuple[str, ...]:
        return self.put_back

    def settle(self) -> tuple[str, ...]:
        return self.settled

    def release(self) -> None:
        """Carry out what was held back."""
        for wanted, future in self.held:
            future.set_result(self._apply(wanted, False))
        self.held.clear()

    def _apply(self, wanted: Plan, allow_management: bool) -> Outcome:
        hosts = FakeHosts(self._act)
        hosts.left = lambda ids: [f.id for f in self._view.findings if f.id in ids]
        hosts.back = lambda host: self.become(self._before)
        self._before = self._view.fabric
        how = (QUICK, self.run, allow_management)
        return apply(wanted, hosts, self.journal, self.log.append, *how)

    def _act(self, host: str, changes: tuple[Change, ...]) -> Applied:
        if self.answers_with != "applied":
            return Applied(1, self.answers_with, 0, "File exists")
        with self._one:  # the hosts of a wave change at once
            for change in changes:
                self.become(changed(self._view.fabric, host, change))
        return Applied(1, "applied")

    def conntrack(self, host: str, address: str = "") -> Future[ConntrackReply]:
        future: Future[ConntrackReply] = Future()
        future.set_result(ConntrackReply(1, self.flows, len(self.flows)))
        return future

    def probe(self, host: str, ns: int, destination: str, count: int = 3) -> Future[ProbeReply]:
        self.asked.append(f"probe {host} {ns} {destination}")
        future: Future[ProbeReply] = Future()
        future.set_result(ProbeReply(1, tuple(ProbeAnswer(n, "reply", destination, 62, 410_000) for n in range(count))))
        return future

    def probe_all(self, limit: int | None = None) -> None:
        self.asked.append("probe all")
        self.become(replace(self._view.fabric, probes=self.probes))

    def trace(self, source: End, destination: End, count: int = 1, query: Query | None = None) -> Future[Tracing]:
        self.asked.append(f"trace {source} {destination} {count} x {kind(query or Query())}")
        future: Future[Tracing] = Future()
        if self.traced is None:
            future.set_exception(CaptureError("no capture here", "the fake has none"))
        else:
            future.set_result(self.traced(source, destination))
        return future

    def capture(self, points: Sequence[TapPoint], expression: str = "") -> Capture:
        self.asked.append(f"capture {len(points)} {expression}".strip())
        if self.tapped is None:
            raise CaptureError("no capture here", "the fake has none")
        return self.tapped(points, expression)


def changed(fabric: Fabric, host: str, change: Change) -> Fabric:
    """Return the fabric after a change."""
    if isinstance(change, RouteChange):
        kept = lambda rs: [r for r in rs if (r.table, r.dst) != (change.table, change.dst)]  # noqa: E731
        return routes(fabric, host, lambda rs: [*kept(rs), *change.after], change.ns)
    if isinstance(change, SysctlChange):
        wanted: list[Row] = [Sysctl(path, value) for path, value in change.after.items()]
        untouched = lambda row: isinstance(row, Sysctl) and row.path not in change.after  # noqa: E731
        return altered(fabric, host, Section.SYSCTLS, lambda rows: [*filter(untouched, rows), *wanted])
    if isinstance(change, FileChange):
        return fabric
    if isinstance(change, BridgeChange):
        return _bridged(fabric, host, change)
    if isinstance(change, AttachmentChange):
        return _attached(fabric, host, change)
    if isinstance(change, AddressChange):
        return _addressed(fabric, host, change)
    if isinstance(change, ChainChange):
        return altered(fabric, host, Section.FILTERS, lambda rows: [_chained(row, change) for row in rows])
    raise NotImplementedError(type(change).__name__)


def _bridged(fabric: Fabric, host: str, change: BridgeChange) -> Fabric:
    index = max(fabric.hosts[host].root.links) + 1
    link = Link(index, change.name, "bridge", True, True, change.mac, True, bridge=Bridge())
    added: list[Row] = [link] if change.after else []
    others = lambda rows: [r for r in rows if not (isinstance(r, Link) and r.name == change.name)]  # noqa: E731
    return altered(fabric, host, Section.LINKS, lambda rows: [*others(rows), *added])


def _attached(fabric: Fabric, host: str, change: AttachmentChange) -> Fabric:
    root = fabric.hosts[host].root
    others = lambda rows: [r for r in rows if not (isinstance(r, Link) and r.name == change.name)]  # noqa: E731
    index, bridge = max(root.links) + 1, root.links_by_name[change.bridge].index
    link = Link(index, change.name, "veth", True, True, "02:00:00:00:09:09", master=bridge, port=Port())
    return altered(fabric, host, Section.LINKS, lambda rows: [*others(rows), *([link] if change.after else [])])


def _addressed(fabric: Fabric, host: str, change: AddressChange) -> Fabric:
    index = fabric.hosts[host].root.links_by_name[change.name].index
    held: list[Row] = [structs.replace(address, index=index) for address in change.after]
    others = lambda rows: [r for r in rows if not (isinstance(r, Address) and r.index == index)]  # noqa: E731
    fabric = altered(fabric, host, Section.ADDRESSES, lambda rows: [*others(rows), *held])
    own = [Route(str(interface_prefix(f"{a.address}/{a.length}")[1]), oif=index, protocol="kernel", scope="link",
                 src=a.address) for a in change.after]  # fmt: skip
    kept = lambda rows: [r for r in rows if not (r.oif == index and r.protocol == "kernel")]  # noqa: E731
    return routes(fabric, host, lambda rows: [*kept(rows), *own])


def _chained(row: Row, change: ChainChange) -> Row:
    return with_chain(row, change) if isinstance(row, Filter) else row


def bare(hosts: int = 3) -> Fabric:
    """Hosts with a NIC and an address and no more."""
    fabric = healthy(hosts, containers=0)
    for name in fabric.hosts:
        for section in (Section.LINKS, Section.ADDRESSES):
            own = lambda rows: [r for r in rows if getattr(r, "index", 0) in (LO, NIC)]  # noqa: E731
            fabric = altered(fabric, name, section, own)
        fabric = altered(fabric, name, Section.FILTERS, lambda _: [Filter("nft", "")])
        fabric = altered(fabric, name, Section.SYSCTLS, lambda rows: [_off(row) for row in rows])
        fabric = routes(fabric, name, lambda rows: [r for r in rows if not r.dst.startswith("10.239.")])
    return settled(fabric)
