"""Counters on demand: who is asked for what, and what becomes of hosts that do not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest

from hostgw.errors import HostgwError
from hostgw.fabric import Host
from hostgw.live import counting as module
from hostgw.live.counting import Counting
from hostgw.live.view import View
from hostgw.mesh.build import build
from hostgw.model.host_state import HostState
from hostgw.model.kernel import Counters, Filter
from hostgw.ssh.frames import gated
from hostgw.wire import Count, CountReply, Reply, Request
from tests.fabrics import BRIDGE, NIC, healthy


class Hosts:
    """vm1 answers, vm2 has just gone, vm3 is silent; vm4 is not up, vm5 was never read."""

    def __init__(self) -> None:
        fabric = healthy(5)
        fabric = fabric.with_host(replace(fabric.hosts["vm4"], state=HostState.STALE))
        fabric = fabric.with_host(Host("vm5", HostState.UP))
        self.view = View(fabric, build(fabric))
        self.asked: list[tuple[str, Request]] = []

    def ask(self, host: str, make: Callable[[int], Request], timeout: float) -> Future[Reply]:
        self.asked.append((host, make(7)))
        future: Future[Reply] = Future()
        if host == "vm1":
            future.set_result(CountReply(7, (Counters(NIC, rx_bytes=len(self.asked)),), (Filter("nft", "*nat"),)))
        elif host == "vm2":
            future.set_exception(HostgwError("gone"))
        return future

    def counting(self) -> Counting:
        return Counting(self.ask, lambda: self.view)


def test_who_answers_has_counted() -> None:
    hosts = Hosts()
    counted = hosts.counting().count(0.05)
    assert set(counted) == {"vm1"}
    assert counted["vm1"].devices[NIC].rx_bytes == 1
    assert counted["vm1"].filters == (Filter("nft", "*nat"),)
    assert hosts.asked == [(name, Count(7, (NIC, BRIDGE))) for name in ("vm1", "vm2", "vm3")]


def test_who_asks_again_soon_gets_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts()
    counting = hosts.counting()
    first = counting.count(0.01)
    assert counting.count(0.01) is first
    monkeypatch.setattr(module, "FRESH_S", -1.0)
    assert counting.count(0.01)["vm1"].devices[NIC].rx_bytes > 1


def test_many_ask_at_once_and_the_hosts_are_asked_once() -> None:
    hosts = Hosts()
    counting = hosts.counting()
    threads = [threading.Thread(target=counting.count, args=(0.05,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hosts.asked) == 3


def test_rules_pass_the_gate_as_they_are() -> None:
    """They are many lines; the gate is where a label is made of one."""
    row = Filter("nft\x1b", "*nat\n[1:2] -A X\n", "bad\x07")
    reply = gated(CountReply(1, (), (row,)))
    assert reply == CountReply(1, (), (Filter("nft\\x1b", row.text, "bad\\x07"),))
