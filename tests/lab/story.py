"""The main job from the keyboard, on a lab: run as `python -m tests.lab.story LAB`, for it enters the lab's namespace.

Sees the broken route, reads the preview, applies, sees the cell turn, captures, sends a ping, opens the packet, undoes.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab, enter_operator
from hostgw.live import Live
from hostgw.plans.journal import Journal
from hostgw.ssh.options import Options
from hostgw_tui.app import HostgwApp
from hostgw_tui.prompts import DialogPrompter

SECONDS = 30


async def until(fact: Callable[[], bool], what: str, pilot: Pilot[None]) -> None:
    """Wait for a fact."""
    for _ in range(SECONDS * 20):
        if fact():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"never came: {what}\n{screen_text(pilot.app)}")  # type: ignore[arg-type]


def screen_text(app: HostgwApp) -> str:
    """Return what the screen shows, as text."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[:width] for strip in strips[:height])


def shows(app: HostgwApp, *words: str) -> bool:
    text = screen_text(app)
    return all(word in text for word in words)


def ping(lab: Lab) -> None:
    address = lab.host("vm2").container_address("c1")
    argv = ["ping", "-c2", "-i0.2", "-W2", str(address)]
    subprocess.run([*lab.entry("vm1", "c1"), *argv], check=True, stdout=subprocess.DEVNULL)


async def story(app: HostgwApp, lab: Lab, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await until(lambda: shows(app, "route-missing", "missing", "vm3"), "the finding and the red cell", pilot)
        await pilot.press("f")
        command = "ip route add 10.239.1.0/24 via 10.5.7.61 dev eth0"
        await until(lambda: shows(app, command, "undo"), "the preview with the command", pilot)
        await pilot.press("a")
        await until(lambda: shows(app, "✓ verified"), "the outcome", pilot)
        await pilot.press("escape")
        await until(lambda: shows(app, "ealthy") and not shows(app, "✗ missing"), "the green matrix", pilot)
        await pilot.press("5")
        await pilot.press("s")
        await until(lambda: shows(app, "taps 6/6"), "open taps", pilot)
        await asyncio.to_thread(ping, lab)
        await until(lambda: shows(app, "answered", "Echo (ping) request"), "the packet with tshark's words", pilot)
        await until(lambda: shows(app, "vm1/br0", "vm1/eth0", "vm2/eth0", "MAC TTL"), "the hops", pilot)
        await pilot.press("enter")
        await until(lambda: shows(app, "ETH", "hdr.len"), "the dissection", pilot)
        await pilot.press("escape")
        await pilot.press("s")
        await pilot.press("1")
        await pilot.press("u")
        await until(lambda: shows(app, "can be undone"), "the list of what was done", pilot)
        await pilot.press("enter")
        await until(lambda: shows(app, "ip route del 10.239.1.0/24"), "the preview of the undo", pilot)
        await pilot.press("a")
        await until(lambda: shows(app, "✓ verified"), "the outcome of the undo", pilot)
        await pilot.press("escape", "escape")
        await until(lambda: shows(app, "✗ missing", "✗ 1 found"), "the finding again", pilot)


def main(name: str, width: int, height: int) -> None:
    lab = enter_operator(name)
    options = Options(ssh_config=lab.directory / "inside_ssh_config")
    with tempfile.TemporaryDirectory() as state:
        prompter = DialogPrompter()
        live = Live(parse_hosts("vm1,vm2,vm3"), prompter, options, journal=Journal(Path(state)))
        try:
            asyncio.run(story(HostgwApp(live, prompter), lab, (width, height)))
        finally:
            live.stop()
    sys.stdout.write("told\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
