"""An operator who changes a lab host under guard, and what goes wrong meanwhile.

Run as `python -m tests.lab.sabotage LAB`, it arms a change that locks it out, says so, and waits to be killed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hostgw import lab as labs
from hostgw.checks.catalogue import FixClass
from hostgw.fabric import Host
from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab
from hostgw.live import Live
from hostgw.live.changing import LiveHosts
from hostgw.model.change import ChainChange, Change, RouteChange, SysctlChange
from hostgw.model.kernel import Route
from hostgw.plans.apply import apply
from hostgw.plans.journal import Journal
from hostgw.plans.model import Outcome, Plan
from hostgw.plans.running import Run
from hostgw.plans.steps import step
from hostgw.plans.timing import Timing
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import Refuse

TTL_S = 2.0
SHORT = Timing(ttl_s=TTL_S, management_ttl_s=TTL_S, verify_s=2.0, between_s=0.05, watch_s=0.0, keep_s=0.0)
OPERATOR = "10.5.7.250/32"
WAYS = ("0.0.0.0/0", "10.5.7.0/24")


def drop_ssh(host: Host) -> tuple[Change, ...]:
    return (
        ChainChange("nft", "filter", "INPUT", (), ("-A INPUT -p tcp -m tcp --dport 22 -j DROP",), missing="before"),
    )


def lose_the_way_back(host: Host) -> tuple[Change, ...]:
    """The connected route, and the one by which answers would still find out."""
    ways = [(dst, tuple(r for r in host.root.routes if (r.table, r.dst) == (254, dst))) for dst in WAYS]
    assert all(routes for _, routes in ways)
    return tuple(RouteChange(254, dst, routes, ()) for dst, routes in ways)


def filter_strictly(host: Host) -> tuple[Change, ...]:
    """What comes from the operator comes in by another device than answers would go out by."""
    path = "net/ipv4/conf/eth0/rp_filter"
    bridge = host.root.links_by_name["br0"].index
    away = Route(OPERATOR, oif=bridge, scope="link", protocol="static")
    return (SysctlChange({path: host.root.sysctls[path]}, {path: "1"}), RouteChange(254, OPERATOR, (), (away,)))


LOCK_OUTS = {"port 22": drop_ssh, "route": lose_the_way_back, "rp_filter": filter_strictly}


def harmless(host: Host) -> tuple[Change, ...]:
    """Changes of three kinds that do not cut anybody off."""
    index = host.root.links_by_name["eth0"].index
    route = Route("10.98.0.0/16", gateway="10.5.7.1", oif=index, protocol="static")
    path = "net/ipv4/conf/eth0/send_redirects"
    value = host.root.sysctls[path]
    rule = "-A FORWARD -s 10.98.0.0/16 -j ACCEPT"
    return (
        RouteChange(254, "10.98.0.0/16", (), (route,)),
        SysctlChange({path: value}, {path: "0" if value == "1" else "1"}),
        ChainChange("nft", "filter", "FORWARD", (), (rule,), missing="before"),
    )


class Sabotaged(LiveHosts):
    """Hosts to which something happens, once, when a change is made."""

    mishap: Callable[[], None] = staticmethod(lambda: None)

    def remaining(self, findings: Sequence[str], hosts: Sequence[str], seconds: float, run: Run) -> tuple[str, ...]:
        mishap, self.mishap = self.mishap, lambda: None
        mishap()
        return super().remaining(findings, hosts, seconds, run)


@contextmanager
def operating(lab: Lab, hosts: str = "vm1") -> Iterator[Live]:
    """Yield an engine that is connected to hosts of a lab over SSH."""
    options = Options(ssh_config=lab.directory / "ssh_config", ping_s=0.5, silence_s=3.0, backoff_s=(0.2, 0.5))
    live = Live(parse_hosts(hosts), Refuse(), options)
    live.start()
    try:
        view = live.wait(lambda view: view.settled, 20)
        assert all(host.readable for host in view.fabric.hosts.values())
        yield live
    finally:
        live.stop()


def carry_out(
    live: Live,
    changes: tuple[Change, ...],
    journal: Journal,
    mishap: Callable[[], None] = lambda: None,
    timing: Timing = SHORT,
) -> Outcome:
    """Apply changes to vm1 under guard; what they touch is allowed. `mishap` comes between making and verifying."""
    host = live.view().fabric.hosts["vm1"]
    steps = tuple(replace(step(host, change, "a test"), danger="a test") for change in changes)
    plan = Plan("a lock-out", FixClass.SAFE, steps)
    hosts = Sabotaged(live._sessions, live.ask, live.tell, live.view, live.wait, lambda names: None, "tester")
    hosts.mishap = mishap
    try:
        return apply(plan, hosts, journal, lambda text: None, timing, Run(), allow_management=True)
    finally:
        hosts.close()


def main() -> None:
    lab = labs.load(sys.argv[1])

    def wait() -> None:
        sys.stdout.write("armed\n")
        sys.stdout.flush()
        time.sleep(60)

    with operating(lab) as live:
        carry_out(live, LOCK_OUTS["port 22"](live.view().fabric.hosts["vm1"]), Journal(Path(sys.argv[2])), wait)


if __name__ == "__main__":
    main()
