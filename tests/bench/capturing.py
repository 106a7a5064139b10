"""Live capture: six taps under the dashboard's screen, then the same load by tcpdump over ssh into tshark."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from hostgw.capture.tap_points import TapPoint, TapState
from hostgw.capture.taps import Capture
from hostgw.capture.view import View
from hostgw.lab import Lab
from hostgw.live import Live
from hostgw.live.points import tap_points
from hostgw_tui.app import HostgwApp
from hostgw_tui.packets.screen import PacketsScreen
from tests.bench.common import agents, cpu_s, operator, percentile, report
from tests.bench.peer import peer

DEVICES = ("br0", "eth0", "veth-c1")
CALM, LOADS, BUSY, SECONDS = 1_000, (2_000, 4_000, 6_000, 8_000), 10_000, 8
"""Packets a second through all taps: for latency, to find what is kept without a loss, and for load."""
SIZE, TICK_S, SAMPLE = (160, 50), 0.005, 25
SENDER = """
import socket, sys, time
target, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while (now := time.monotonic() - began) < seconds:
    for sent in range(sent + 1, int(now * rate) + 1):
        out.sendto(b"%064d" % sent, (target, 5353))
    time.sleep(0.001)
print(sent)
"""


@dataclass
class Watch:
    """What is measured while the screen paints."""

    stalls_ms: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    shown: int = 0


def main(name: str) -> None:
    with operator(name) as (lab, live):
        asyncio.run(measured(lab, live))
        live.stop()
        peer(lab, DEVICES, lambda: sending(lab, BUSY))


async def measured(lab: Lab, live: Live) -> None:
    """Measure latency in the calm, then what is kept of the load."""
    app = HostgwApp(live)
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: live.view().settled)
        await pilot.press("5")
        screen = app.screen
        assert isinstance(screen, PacketsScreen)
        screen._chosen = chosen(live)
        began = time.perf_counter()
        await pilot.press("s")
        await until(lambda: bool(screen.capture) and is_open(screen))
        report("capture: key to open taps, 2 hosts", time.perf_counter() - began, "s", "<= 0.6")
        await calm(lab, screen)
        await rising(lab, screen)
        await busy(lab, screen)


async def calm(lab: Lab, screen: PacketsScreen) -> None:
    """Report how long packets take from the wire to the screen."""
    async with watched(screen) as watch:
        await asyncio.to_thread(sending, lab, CALM)
        await asyncio.sleep(0.5)
    for share in (0.5, 0.95):
        goal = "<= 150" if share == 0.95 else ""
        value = percentile(watch.delays_ms, share)
        report(f"capture: wire to screen, p{share * 100:.0f}, {CALM} packets/s, 6 taps", value, "ms", goal)
    report("capture: UI stall, p99, calm", percentile(watch.stalls_ms, 0.99), "ms", "<= 20")


async def rising(lab: Lab, screen: PacketsScreen) -> None:
    """Report the highest of rising loads that is kept whole."""
    capture, kept = need(screen.capture), 0
    for rate in LOADS:
        before = capture.view(1)
        sent = await asyncio.to_thread(sending, lab, rate)
        await told(capture, before, sent * 6)
        if lost(capture.view(1)) > lost(before):
            break
        kept = rate * 6
    report("capture: highest load kept without a drop, of 12, 24, 36, 48 thousand", kept, "frames/s")


async def busy(lab: Lab, screen: PacketsScreen) -> None:
    """Report what is kept of the load, and what it costs."""
    capture = need(screen.capture)
    before, cpu = capture.view(1), cpu_s()
    hosts = {pid: cpu_s(pid) for pid in agents()}
    shark = before.dissection.dissected if before.dissection else 0
    async with watched(screen) as watch:
        began = time.perf_counter()
        sent = await asyncio.to_thread(sending, lab, BUSY)
        await told(capture, before, sent * 6)
        lasted = time.perf_counter() - began
    after = capture.view(1)
    kept = after.frames - before.frames
    report("capture: frames kept with the live screen, 6 taps", kept / lasted, "/s", ">= 60000 offered")
    report("capture: frames kept of those offered", kept / (sent * 6) * 100, "%", "100")
    report("capture: frames dropped", lost(after) - lost(before), "", "0")
    report("capture: journeys complete with all 6 taps", complete(capture), "%", "100")
    report("capture: UI stall, p99, under load", percentile(watch.stalls_ms, 0.99), "ms", "<= 20")
    report("capture: CPU of the dashboard", (cpu_s() - cpu) / lasted * 100, "% of a core")
    spent = sum(cpu_s(pid) - was for pid, was in hosts.items())
    report("capture: CPU of both agents", spent / lasted * 100, "% of a core")
    rate = (after.dissection.dissected - shark) / lasted if after.dissection else 0
    report("capture: pyshark details under that load", rate, "/s", ">= 2000")


def lost(view: View) -> int:
    """Return how many frames taps, limits and queues have lost."""
    return sum(tap.drops + tap.limited + tap.overflow for tap in view.taps)


async def told(capture: Capture, before: View, frames: int, seconds: float = 30) -> None:
    """Wait until so many more frames are decoded or lost; some may be neither, so not for ever."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        now = capture.view(1)
        if now.frames - before.frames + lost(now) - lost(before) >= frames:
            return
        await asyncio.sleep(0.01)


def complete(capture: Capture) -> float:
    """Return the share of the newest journeys that all six taps saw."""
    journeys = [view for view in capture.view(10_000).journeys if view.first.frame.destination_port == 5353]
    return sum(len(view.sightings) == 6 for view in journeys) / max(1, len(journeys)) * 100


@asynccontextmanager
async def watched(screen: PacketsScreen) -> AsyncIterator[Watch]:
    """Note the loop's stalls, and when packets were painted."""
    watch = Watch(shown=need(screen.capture).view(1).total)
    ticking = asyncio.create_task(ticks(watch))
    with painting(screen, watch):
        try:
            yield watch
        finally:
            ticking.cancel()


async def ticks(watch: Watch) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK_S)
        watch.stalls_ms.append((time.perf_counter() - began - TICK_S) * 1000)


@contextmanager
def painting(screen: PacketsScreen, watch: Watch) -> Iterator[None]:
    """After what was painted has gone to the terminal, note how old its new packets are; of many, some."""
    paint, refresh, capture = screen.paint, screen._compositor_refresh, need(screen.capture)
    painted_to = watch.shown

    def painted() -> None:
        nonlocal painted_to
        painted_to = capture.view(1).total
        paint()

    def refreshed() -> None:
        refresh()
        shown(painted_to)

    def shown(total: int) -> None:
        now, fresh = time.time_ns(), range(watch.shown + 1, total + 1)
        for number in fresh[:: max(1, len(fresh) // SAMPLE)]:
            if view := capture.journey(number):
                watch.delays_ms.append((now - view.first.time_ns) / 1e6)
        watch.shown = max(watch.shown, total)

    screen.paint, screen._compositor_refresh = painted, refreshed  # type: ignore[method-assign]
    try:
        yield
    finally:
        screen.paint, screen._compositor_refresh = paint, refresh  # type: ignore[method-assign]


def chosen(live: Live) -> tuple[TapPoint, ...]:
    hosts = ("vm1", "vm2")
    return tuple(
        p for p in tap_points(live.view()) if p.host in hosts and p.interface in DEVICES and p.container is None
    )


def is_open(screen: PacketsScreen) -> bool:
    taps = need(screen.capture).view(1).taps
    return len(taps) == 6 and all(tap.state is TapState.OPEN for tap in taps)


def need(capture: Capture | None) -> Capture:
    if capture is None:
        raise RuntimeError("no capture runs")
    return capture


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError("it did not come true")
        await asyncio.sleep(0.01)


def sending(lab: Lab, rate: int, seconds: int = SECONDS) -> int:
    """Send datagrams from a container to one on the other host; return how many."""
    argv = [*lab.entry("vm1", "c1"), "python3", "-c", SENDER, "10.239.1.2", str(rate), str(seconds)]
    return int(subprocess.run(argv, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout)


if __name__ == "__main__":
    main(sys.argv[1])
