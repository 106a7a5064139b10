"""Whatever happens to a host's network reaches the operator, also what the kernel is silent about."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw.wire import Resync
from tests.lab.agent_rig import Nets, Operator, cpu_seconds, operator, rss_mb, run, with_buffer

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.host(containers=2)
        yield made


@pytest.fixture
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets) as found:
        yield found.synced()


def prefixes(told: Operator) -> set[str]:
    return {route.dst for route in told.root.routes}


def kernel_prefixes(nets: Nets) -> set[str]:
    rows = [row["dst"] for row in nets.json("h", "-4 route show table main")]
    return {dst if "/" in dst else f"{dst}/32" for dst in rows}


SILENT = {
    "NIC down": ["link set eth0 down"],
    "address deleted": ["addr del 10.9.0.1/24 dev eth0"],
    "nexthop object deleted": ["nexthop del id 5"],
    "bridge down": ["link set br0 down"],
    "bridge deleted": ["link del br0"],
}


@pytest.mark.parametrize("words", SILENT.values(), ids=SILENT)
def test_a_route_that_vanishes_without_an_event_is_reported(nets: Nets, words: list[str]) -> None:
    nets.batch("h", ["nexthop add id 5 via 10.9.0.2 dev eth0", "route add 10.70.0.0/16 nhid 5"])
    nets.batch("h", ["route add 10.71.0.0/16 via 10.9.0.2", "route add 10.72.0.0/16 via 10.200.1.11"])
    with operator(nets) as told:
        told.synced()
        before = prefixes(told)
        assert before == kernel_prefixes(nets)
        nets.batch("h", words)
        after = kernel_prefixes(nets)
        assert after < before
        told.until(lambda: prefixes(told) == after)


def test_addresses_links_and_neighbours_change(nets: Nets, told: Operator) -> None:
    nets.ip("h", "link set eth0 mtu 1400")
    told.until(lambda: told.root.links_by_name["eth0"].mtu == 1400)
    nets.ip("h", "link set v1 down")
    told.until(lambda: not told.root.links_by_name["v1"].up)
    told.until(lambda: not told.container(nets.name("c1")).links_by_name["eth0"].carrier)
    nets.ip("h", "neigh add 10.9.0.50 lladdr 02:00:00:00:00:50 dev eth0")
    told.until(lambda: any(row.address == "10.9.0.50" for row in told.root.neighbours))
    nets.ip("h", "neigh del 10.9.0.50 dev eth0")
    told.until(lambda: all(row.address != "10.9.0.50" for row in told.root.neighbours))
    nets.ip("h", "rule add pref 77 lookup 9")
    told.until(lambda: any(rule.priority == 77 for rule in told.root.rules))
    nets.sysctl("h", "net.ipv4.conf.eth0.rp_filter=2")
    told.until(lambda: told.root.sysctls["net/ipv4/conf/eth0/rp_filter"] == "2")
    nets.sysctl("h", "net.ipv4.conf.eth0.arp_ignore=1")  # has no event: the poll finds it
    told.until(lambda: told.root.sysctls["net/ipv4/conf/eth0/arp_ignore"] == "1")


def test_a_containers_changes_are_heard_without_a_socket_in_it(nets: Nets, told: Operator) -> None:
    name = nets.name("c1")
    nets.ip("c1", "route add 10.99.0.0/16 via 10.200.1.1")
    told.until(lambda: any(route.dst == "10.99.0.0/16" for route in told.container(name).routes))
    nets.ip("c1", "route del default")
    told.until(lambda: all(route.dst != "0.0.0.0/0" for route in told.container(name).routes))
    nets.ip("c1", "addr add 10.200.1.99/24 dev eth0")
    told.until(lambda: any(row.address == "10.200.1.99" for row in told.container(name).addresses))


def test_the_order_of_addresses_is_the_kernels(nets: Nets, told: Operator) -> None:
    nets.batch("h", ["addr add 10.9.0.7/24 dev eth0", "addr add 10.50.0.1/24 dev eth0"])
    nets.batch(
        "h", ["addr del 10.200.1.1/24 dev br0", "addr add 10.60.0.1/24 dev br0", "addr add 10.200.1.1/24 dev br0"]
    )
    nets.sysctl("h", "net.ipv4.conf.all.promote_secondaries=1")
    nets.batch("h", ["addr del 10.9.0.1/24 dev eth0", "addr add 10.9.0.1/24 dev eth0"])

    def same() -> bool:
        return all(
            [info["local"] for info in nets.json("h", f"-4 addr show dev {device}")[0]["addr_info"]]
            == [row.address for row in told.root.addresses_of(told.root.links_by_name[device].index)]
            for device in ("eth0", "br0")
        )

    told.until(same)


def test_a_container_is_born_and_dies(nets: Nets, told: Operator) -> None:
    nets.container(3)
    name = nets.name("c3")
    told.until(lambda: told.handle(name) > 0 and any(r.dst == "0.0.0.0/0" for r in told.container(name).routes))
    nets.remove("c3")  # only its name goes here; nothing of the agent keeps it, so the veth goes with it
    told.until(lambda: told.handle(name) < 0 and "v3" not in told.root.links_by_name)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_churn_of_containers_leaks_no_descriptors(nets: Nets, told: Operator) -> None:
    held = descriptors(told.pid)
    handles = set()
    for _ in range(8):
        nets.container(3)
        told.until(lambda: told.handle(nets.name("c3")) > 0)
        handles.add(told.handle(nets.name("c3")))
        nets.remove("c3")
        told.until(lambda: told.handle(nets.name("c3")) < 0)
        told.until(lambda: "v3" not in nets.ip("h", "-br link"))  # the kernel clears up in its own time
    assert len(handles) == 8, "a number is never used again"
    told.until(lambda: descriptors(told.pid) <= held)


def test_latency_of_a_route_from_the_kernel_to_the_operator(nets: Nets, told: Operator) -> None:
    """Prints figures; times are no verdict."""
    taken = []
    shell = subprocess.Popen(
        ["ip", "-n", nets.name("h"), "-batch", "-"], stdin=subprocess.PIPE, text=True, stdout=subprocess.PIPE
    )
    assert shell.stdin is not None
    for number in range(200):
        dst = f"10.{100 + number // 250}.{number % 250}.0/24"
        for verb, there in (("add", True), ("del", False)):
            begin = time.monotonic()
            shell.stdin.write(f"route {verb} {dst} via 10.9.0.2\n")
            shell.stdin.flush()
            told.until(lambda dst=dst, there=there: (dst in prefixes(told)) == there)  # type: ignore[misc]
            taken.append((time.monotonic() - begin) * 1000)
    shell.communicate(timeout=10)
    p95 = statistics.quantiles(taken, n=20)[18]
    figures = f"p50 {statistics.median(taken):.1f} ms, p95 {p95:.1f} ms, max {max(taken):.1f} ms"
    print(f"\nroute to delta: {figures}")  # noqa: T201


def burst(count: int, verb: str) -> list[str]:
    return [f"route {verb} 10.{100 + n // 250}.{n % 250}.0/24 via 10.9.0.2" for n in range(count)]


def test_a_burst_ends_in_the_right_state(nets: Nets, told: Operator) -> None:
    before = kernel_prefixes(nets)
    nets.batch("h", burst(5000, "add"))
    after = kernel_prefixes(nets)
    assert len(after) == len(before) + 5000
    told.until(lambda: prefixes(told) == after)
    nets.batch("h", burst(5000, "del")[1:])
    told.until(lambda: prefixes(told) == before | {"10.100.0.0/24"})
    print(f"\nafter 5,000 routes: RSS {rss_mb(told.pid):.1f} MB, most {rss_mb(told.pid, 'VmHWM'):.1f} MB")  # noqa: T201


def test_lost_events_are_said_and_made_good(nets: Nets) -> None:
    """With a tiny buffer the kernel drops events while the agent is stopped."""
    with operator(nets, sources=with_buffer(2048)) as told:
        told.synced()
        os.kill(told.pid, 19)
        nets.batch("h", burst(500, "add"))
        nets.ip("h", "link set eth0 mtu 1300")
        after = kernel_prefixes(nets)
        os.kill(told.pid, 18)
        told.until(lambda: told.of(Resync))
        told.until(lambda: prefixes(told) == after and told.root.links_by_name["eth0"].mtu == 1300)


def test_a_flood_of_changes_costs_a_quarter_of_a_core_at_most(nets: Nets, told: Operator) -> None:
    """Prints the cost; a share of the time that a busy machine gives is no verdict, so the limit is generous."""
    lines = [line for n in range(600) for line in (burst(n + 1, "add")[-1], burst(n + 1, "del")[-1])]
    writer = subprocess.Popen(["ip", "-n", nets.name("h"), "-batch", "-"], stdin=subprocess.PIPE, text=True)
    assert writer.stdin is not None
    begin, used = time.monotonic(), cpu_seconds(told.pid)
    for number, line in enumerate(lines * 3):
        writer.stdin.write(line + "\n")
        if number % 20 == 0:
            writer.stdin.flush()
            while time.monotonic() < begin + number / 1000:
                told.pump(0.001)
    writer.communicate(timeout=20)
    passed = time.monotonic() - begin
    share = (cpu_seconds(told.pid) - used) / passed
    print(f"\n{len(lines) * 3 / passed:.0f} route changes a second: {share:.0%} of a core")  # noqa: T201
    assert share < 0.6


def test_vrf_master(nets: Nets, told: Operator) -> None:
    if "vrf" not in run("ip", "link", "help", "vrf", check=False) or not _has_vrf(nets):
        pytest.skip("this kernel has no VRF")
    nets.batch("h", ["link set eth0 master vrf0"])
    told.until(lambda: all(r.table != 254 or "10.9.0.0" not in r.dst for r in told.root.routes))


def _has_vrf(nets: Nets) -> bool:
    done = subprocess.run(
        ["ip", "-n", nets.name("h"), "link", "add", "vrf0", "type", "vrf", "table", "10"], capture_output=True
    )
    return done.returncode == 0


def test_hostile_names_do_no_harm(nets: Nets, told: Operator) -> None:
    names = [
        b"\x1b[2J",
        b"\x1b]0;t\x07",
        b"$(id)",
        b"-w",
        b"\xff\xfe",
        b"[red]",
        b"\xe2\x80\xae",
        b"\xc2\x9b31m",
        b"{0}",
    ]
    for name in names:
        argv = [b"ip", b"-n", nets.name("h").encode(), b"link", b"add", b"name", name, b"type", b"bridge"]
        subprocess.run(argv, check=True, capture_output=True)
    subprocess.run(
        [
            b"ip",
            b"-n",
            nets.name("h").encode(),
            b"link",
            b"set",
            b"dev",
            b"[red]",
            b"alias",
            b"\xff\x1b[1m\n\xed\xa0\x80[red]",
        ],
        check=True,
    )
    told.until(lambda: len(told.root.links) == 5 + len(names))
    told.until(lambda: any(link.alias for link in told.root.links.values()))
    for link in told.root.links.values():
        assert link.name.isprintable()
        assert link.alias.isprintable()
    assert {"$(id)", "-w", "[red]", "{0}"} <= set(told.root.links_by_name)
