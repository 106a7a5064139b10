"""When hosts are asked for tracked flows, and what of an answer is believed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from hostgw.errors import HostgwError
from hostgw.fabric import Fabric, Tracked
from hostgw.live.flows import TrackedFlows, tracked, waiting
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.kernel import ConntrackEntry, Crowd
from hostgw.wire import Reply, Request, Suspects, SuspectsReply
from tests.fabrics import healthy

GOOD = ConntrackEntry("udp", "10.239.0.2", "10.239.1.2", "10.239.1.2", "10.5.7.60", 1, 2)


class Hosts:
    """Answers at once, and puts the answer into the view, as the engine does."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.asked: list[tuple[str, Request]] = []
        self.all = threading.Event()
        self.fails = False

    def view(self) -> View:
        return View(self.fabric, build(self.fabric))

    def ask(self, host: str, make: Callable[[int], Request]) -> Future[Reply]:
        self.asked.append((host, make(7)))
        future: Future[Reply] = Future()
        if self.fails:
            future.set_exception(HostgwError("no answer in time"))
        else:
            future.set_result(SuspectsReply(7, (GOOD,), total=9))
        return future

    def take(self, host: str, told: Tracked) -> None:
        self.fabric = self.fabric.with_host(replace(self.fabric.hosts[host], tracked=told))
        if not waiting(self.view()):
            self.all.set()


def test_each_host_that_becomes_known_is_asked_once() -> None:
    hosts = Hosts(healthy(3))
    flows = TrackedFlows(hosts.ask, hosts.view, hosts.take)
    flows.start()
    try:
        flows.news()
        assert hosts.all.wait(5)
        flows.news()
        assert sorted(name for name, _ in hosts.asked) == ["vm1", "vm2", "vm3"]
        assert dict(hosts.asked)["vm2"] == Suspects(7, ("10.239.1.0/24",), ("10.239.0.0/16",))
        assert hosts.fabric.hosts["vm1"].tracked == Tracked((GOOD,), (), 9)
    finally:
        flows.stop()


def test_a_host_that_does_not_answer_is_not_waited_for() -> None:
    hosts = Hosts(healthy(2))
    hosts.fails = True
    TrackedFlows(hosts.ask, hosts.view, hosts.take).ask(["vm1", "vm2", "nobody"])
    assert waiting(hosts.view()) == ()
    assert hosts.fabric.hosts["vm1"].tracked == Tracked(error="no answer in time")


def test_what_is_no_address_is_not_believed() -> None:
    bad = ConntrackEntry("udp", "10.239.0.2", "10.239.1.2\x1b[2J", "10.239.1.2", "10.5.7.60")
    odd = replace_protocol("ud\x1bp")
    crowds = (Crowd("tcp", "10.5.7.60", "1.2.3.4", 443, 60000), Crowd("tcp", "10.5.7.60", "x", 443, 60000))
    told = tracked(SuspectsReply(1, (GOOD, bad, odd), crowds))
    assert told.flows[0] == GOOD
    assert len(told.flows) == 2
    assert "\x1b" not in told.flows[1].protocol
    assert told.crowds == crowds[:1]


def replace_protocol(name: str) -> ConntrackEntry:
    return ConntrackEntry(name, "10.239.0.2", "10.239.1.2", "10.239.1.2", "10.5.7.60")
