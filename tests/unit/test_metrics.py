"""Metrics over fabrics made by hand: what Prometheus would read, and how much of it there can be."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hostgw.checks.run import run
from hostgw.errors import UsageError
from hostgw.fabric import Fabric, Host
from hostgw.live.counting import MOST_DEVICES, Counted, counted_devices
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.metrics.collector import Fleet, registry
from hostgw.metrics.families import LONGEST
from hostgw.metrics.rules import MOST_RULES
from hostgw.metrics.server import MOST, Endpoint, endpoint, serving
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Bridge, Counters, Filter, Link
from hostgw.model.probe import Place, ProbeResult, Probes
from hostgw.wire import Section
from tests.fabrics import BRIDGE, NIC, PORT, altered, healthy, nat, routes, subnet

NOW = 1000.0
REMOTE = subnet(2)
Labels = dict[str, str]


class Fixed:
    """A source whose view and counts are given."""

    def __init__(self, fabric: Fabric, counted: Mapping[str, Counted] | None = None) -> None:
        self.counted = counted or {}
        self.asked = 0
        self.show(fabric)

    def show(self, fabric: Fabric) -> None:
        mesh = build(fabric)
        self._view = View(fabric, mesh, run(fabric, mesh), number=7, checks=2, checking_s=0.5)

    def view(self) -> View:
        return self._view

    def count(self, timeout: float) -> Mapping[str, Counted]:
        self.asked += 1
        return self.counted


class Scraped:
    """The samples of one scrape, as Prometheus parses them."""

    def __init__(self, source: Fixed, fleet: Fleet | None = None) -> None:
        made = registry(source) if fleet is None else fleet
        text = generate_latest(made).decode()  # type: ignore[arg-type]
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float | None:
        found = [s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        assert len(found) < 2, (name, labels)
        return found[0] if found else None

    def series(self, name: str) -> list[Labels]:
        return [sample.labels for sample in self.samples if sample.name == name]


def broken() -> Fabric:
    return routes(healthy(3), "vm1", lambda rows: [r for r in rows if r.dst != REMOTE])


def without(fabric: Fabric, name: str, **fields: object) -> Fabric:
    return fabric.with_host(replace(fabric.hosts[name], **fields))  # type: ignore[arg-type]


def saved(*lines: str) -> Counted:
    return Counted({}, (Filter("nft", "\n".join(["*nat", *lines, "COMMIT"])),))


def test_a_finding_that_is_gone_stays_as_nothing() -> None:
    source = Fixed(broken())
    fleet = Fleet(source)
    labels = {"code": "route-missing", "severity": "error", "host": "vm1"}
    assert Scraped(source, fleet)("hostgw_findings", **labels) == 1
    source.show(healthy(3))
    assert Scraped(source, fleet)("hostgw_findings", **labels) == 0
    assert Scraped(source)("hostgw_findings", **labels) is None  # a watcher that never saw it


def test_routes_of_each_host() -> None:
    scraped = Scraped(Fixed(broken()))
    assert [scraped("hostgw_routes_expected", host=f"vm{n}") for n in (1, 2, 3)] == [2, 2, 2]
    assert [scraped("hostgw_routes_present", host=f"vm{n}") for n in (1, 2, 3)] == [1, 2, 2]
    assert scraped("hostgw_containers", host="vm2") == 2


def test_states_of_hosts() -> None:
    fabric = without(healthy(3), "vm2", state=HostState.STALE, changed_at=NOW - 40, rounds=3)
    fabric = fabric.with_host(Host("vm3", HostState.AUTH_FAILED, "no"))
    source = Fixed(without(fabric, "vm1", changed_at=NOW - 2, rounds=1, rtt_ns=2_000_000, clock_offset_ns=-5_000_000))
    scraped = Scraped(source, Fleet(source, lambda: NOW))
    assert [scraped("hostgw_host_up", host=f"vm{n}") for n in (1, 2, 3)] == [1, 0, 0]
    assert scraped("hostgw_host_state", host="vm3", state="auth-failed") == 1
    states = [s for s in scraped.samples if s.name == "hostgw_host_state" and s.labels["host"] == "vm3"]
    assert (len(states), sum(s.value for s in states)) == (len(HostState), 1)
    assert [scraped("hostgw_snapshot_age_seconds", host=f"vm{n}") for n in (1, 2, 3)] == [2, 40, None]
    assert [scraped("hostgw_reconnects_total", host=f"vm{n}") for n in (1, 2, 3)] == [0, 2, 0]
    assert scraped("hostgw_round_trip_seconds", host="vm1") == 0.002
    assert scraped("hostgw_clock_offset_seconds", host="vm1") == -0.005
    assert scraped("hostgw_routes_expected", host="vm3") is None
    assert scraped("hostgw_link_up", host="vm2", interface="eth0") is None  # what was true once is no metric


def test_the_watcher_itself() -> None:
    scraped = Scraped(Fixed(healthy(2)))
    assert scraped("hostgw_settled") == 1
    assert scraped("hostgw_pictures_total") == 7
    assert scraped("hostgw_check_duration_seconds_count") == 2
    assert scraped("hostgw_check_duration_seconds_sum") == 0.5
    (build_info,) = scraped.series("hostgw_build_info")
    assert build_info["version"]


def test_probes_by_what_came_of_them() -> None:
    one, two = Place("vm1", 1, "c1", "10.239.0.2"), Place("vm2", 1, "c1", "10.239.1.2")
    good, lost = ProbeResult(one, two, 3, 3, ttl=62), ProbeResult(two, one, 3, 0)
    scraped = Scraped(Fixed(replace(healthy(2), probes=Probes((good, lost)))))
    assert scraped("hostgw_probes", host="vm1", verdict="answered") == 1
    assert scraped("hostgw_probes", host="vm1", verdict="unanswered") == 0
    assert scraped("hostgw_probes", host="vm2", verdict="unanswered") == 1
    assert Scraped(Fixed(healthy(2))).series("hostgw_probes") == []


def test_devices_are_bridges_and_nics_and_no_ports() -> None:
    devices = {NIC: Counters(NIC, 1, 2, 3, 4, 5, 6, 7, 8), BRIDGE: Counters(BRIDGE), PORT + 1: Counters(PORT + 1, 9)}
    scraped = Scraped(Fixed(healthy(2), {"vm1": Counted(devices)}))
    assert [s["interface"] for s in scraped.series("hostgw_link_up") if s["host"] == "vm1"] == ["eth0", "br0"]
    eth0 = {"host": "vm1", "interface": "eth0"}
    assert scraped("hostgw_link_receive_packets_total", **eth0) == 1
    assert scraped("hostgw_link_transmit_packets_total", **eth0) == 2
    assert scraped("hostgw_link_receive_bytes_total", **eth0) == 3
    assert scraped("hostgw_link_transmit_bytes_total", **eth0) == 4
    assert scraped("hostgw_link_receive_drops_total", **eth0) == 5
    assert scraped("hostgw_link_transmit_drops_total", **eth0) == 6
    assert scraped("hostgw_link_receive_errors_total", **eth0) == 7
    assert scraped("hostgw_link_transmit_errors_total", **eth0) == 8
    assert {s["host"] for s in scraped.series("hostgw_link_receive_bytes_total")} == {"vm1"}  # vm2 did not answer


def test_many_devices_are_cut_off_behind_what_matters() -> None:
    def crowded(rows):
        docker = [Link(1000 + n, f"br-{n}", "bridge", True, True, bridge=Bridge()) for n in range(200)]
        ports = [Link(5000 + n, f"veth{n}", "veth", True, True, master=BRIDGE) for n in range(500)]
        return [*docker, *ports, *rows]

    fabric = altered(healthy(2), "vm1", Section.LINKS, crowded)
    chosen = counted_devices(fabric.hosts["vm1"], build(fabric))
    assert len(chosen) == MOST_DEVICES
    assert [link.name for link in chosen[:2]] == ["eth0", "br0"]
    assert not any(link.kind == "veth" and link.master for link in chosen)


def test_rules_that_matter() -> None:
    counted = saved(
        "[5:420] -A POSTROUTING -s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN",
        "[7:700] -A HOSTGW-MASQ -s 10.239.0.0/24 -j MASQUERADE",
        "[1:10] -A FORWARD -d 10.239.1.0/24 -j ACCEPT",
        "[2:20] -A FORWARD -d 10.239.1.0/24 -j ACCEPT",
        "[9:900] -A POSTROUTING -s 192.168.0.0/16 -j MASQUERADE",
        "[9:900] -A KUBE-SVC-X -s 10.239.0.0/16 -j ACCEPT",
        "[9:900] -A FORWARD -s 'broken",
    )
    scraped = Scraped(Fixed(healthy(2), {"vm1": counted}))
    found = {(s["chain"], s["rule"]) for s in scraped.series("hostgw_rule_packets_total")}
    masquerade, accept = "-s 10.239.0.0/24 -j MASQUERADE", "-d 10.239.1.0/24 -j ACCEPT"
    within = "-s 10.239.0.0/16 -d 10.239.0.0/16 -j RETURN"
    assert found == {("POSTROUTING", within), ("HOSTGW-MASQ", masquerade), ("FORWARD", accept)}
    assert scraped("hostgw_rule_packets_total", rule=within) == 5
    assert scraped("hostgw_rule_bytes_total", rule=masquerade) == 700
    assert scraped("hostgw_rule_packets_total", rule=accept) == 3  # alike: one series


def test_many_rules_are_cut_off() -> None:
    counted = saved(*(f"[1:1] -A FORWARD -s 10.239.0.0/24 -p tcp --dport {n} -j DROP" for n in range(1, 5000)))
    scraped = Scraped(Fixed(healthy(2), {"vm1": counted, "vm2": saved(*nat(subnet(2)).splitlines())}))
    by_host = [s["host"] for s in scraped.series("hostgw_rule_packets_total")]
    assert (by_host.count("vm1"), by_host.count("vm2")) == (MOST_RULES, 4)


def test_what_a_host_says_stays_in_its_label() -> None:
    """Hostile names and numbers: one host spoils neither the text nor the numbers of the others."""
    evil = 'x"} 1\nhostgw_host_up{host="vm2"} 0 \x1b[2J\u202e' + "y" * 500

    def renamed(rows):
        return [msgspec.structs.replace(r, name=evil) if r.index == BRIDGE else r for r in rows]

    huge = 10**400
    devices = {NIC: Counters(NIC, huge, -huge), BRIDGE: Counters(BRIDGE)}
    rule = f'[{"9" * 400}:1] -A FORWARD -s 10.239.0.0/24 -m comment --comment "\x1b[2J{"z" * 500}" -j DROP'
    fabric = without(altered(healthy(2), "vm1", Section.LINKS, renamed), "vm1", rtt_ns=1, clock_offset_ns=huge)
    scraped = Scraped(Fixed(fabric, {"vm1": Counted(devices, saved(rule).filters)}))
    assert scraped("hostgw_host_up", host="vm2") == 1
    texts = [value for sample in scraped.samples for value in sample.labels.values()]
    assert all(text.isprintable() and len(text) <= LONGEST for text in texts)
    assert (scraped("hostgw_link_receive_packets_total", interface="eth0") or 0) > 1e18


LATER = {"hostgw_probes", "hostgw_snapshot_age_seconds", "hostgw_round_trip_seconds", "hostgw_clock_offset_seconds"}
"""What hosts that were made by hand have not: nothing was heard of them."""


def test_names_are_as_prometheus_wants_them() -> None:
    source = Fixed(broken(), {"vm1": Counted({NIC: Counters(NIC)}, saved(*nat(subnet(1)).splitlines()).filters)})
    for family in Scraped(source).families:
        assert family.name.startswith("hostgw_")
        assert family.documentation
        assert not family.documentation.endswith(" ")
        assert family.type in {"gauge", "counter", "summary", "info"}
        assert all(s.name.endswith("_total") for s in family.samples if family.type == "counter")
        assert family.samples or family.name in LATER


def test_nobody_is_asked_before_somebody_scrapes() -> None:
    source = Fixed(healthy(2))
    made = registry(source)
    assert source.asked == 0
    generate_latest(made)
    assert source.asked == 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9188", "127.0.0.1:9188"),
        ("localhost:1", "127.0.0.1:1"),
        ("[::1]:0", "[::1]:0"),
        ("0.0.0.0:80", "0.0.0.0:80"),
    ],
)
def test_endpoints(text: str, address: str) -> None:
    assert str(endpoint(text)) == address


def test_which_endpoints_are_our_own() -> None:
    assert endpoint("none") is None
    assert [e.is_loopback for e in (Endpoint("127.0.0.5", 1), Endpoint("::1", 1), Endpoint("0.0.0.0", 1))] == [  # noqa: S104
        *(True, True, False)
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_metrics_over_http(address: str) -> None:
    source = Fixed(healthy(2))
    with serving(registry(source), Endpoint(address, 0)) as taken:
        with urllib.request.urlopen(f"http://{taken}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert b'hostgw_host_up{host="vm1"} 1.0' in answer.read()
        few = f"http://{taken}/metrics?name[]=hostgw_settled"
        with urllib.request.urlopen(few, timeout=10) as answer:
            assert [line for line in answer.read().splitlines() if not line.startswith(b"#")] == [b"hostgw_settled 1.0"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((taken.host, taken.port), 1)


def test_who_only_holds_connections_is_cut_off_and_others_are_served_then() -> None:
    with serving(registry(Fixed(healthy(2))), Endpoint("127.0.0.1", 0)) as taken:
        idle = [socket.create_connection((taken.host, taken.port), 5) for _ in range(MOST)]
        one_more = socket.create_connection((taken.host, taken.port), 5)
        assert one_more.recv(1) == b""
        for each in (*idle, one_more):
            each.close()
        end = time.monotonic() + 10
        while not served(taken):
            assert time.monotonic() < end


def served(where: Endpoint) -> bool:
    try:
        with urllib.request.urlopen(f"http://{where}/metrics", timeout=5) as answer:
            return b"hostgw_settled 1.0" in answer.read()
    except OSError:
        return False


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with (
        serving(registry(Fixed(healthy(2))), Endpoint("127.0.0.1", 0)) as taken,
        pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1") as caught,
        serving(registry(Fixed(healthy(2))), taken),
    ):
        pass
    assert "already in use" in str(caught.value)
    assert "Another watcher" in str(caught.value)
