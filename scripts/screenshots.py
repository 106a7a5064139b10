"""Make the pictures of the screens from a lab: `make screenshots`."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from hostgw import lab as labs
from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab, enter_operator
from hostgw.live import Live
from hostgw.live.replay import Replay
from hostgw.plans.journal import Journal
from hostgw.recording.reader import read
from hostgw.ssh.options import Options
from hostgw.topology.build import build
from hostgw.topology.svg import svg
from hostgw_tui.app import HostgwApp
from hostgw_tui.config.apply import DEMO
from hostgw_tui.prompts import DialogPrompter

NAME, BARE, PRACTICE = "shots", "bare", "practice"
SIZE = (110, 32)
DIRECTORY = Path(__file__).resolve().parent.parent / "screenshots"
FONT_FACE = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
SECONDS = 30
SCREENS = (("2", "host", "br0"), ("3", "routes", "10.239.2.0/24"), ("4", "nat", "SNAT to this host"))
"""Keys of the screens that need no more than being shown, their names, and what they must show."""


def text_of(app: HostgwApp) -> str:
    """Return what the screen shows."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], fact: Callable[[str], bool]) -> None:
    """Wait for a fact on the screen."""
    for _ in range(SECONDS * 20):
        if fact(text_of(pilot.app)):  # type: ignore[arg-type]
            return
        await pilot.pause(0.05)
    raise SystemExit(f"the screen never showed it:\n{text_of(pilot.app)}")  # type: ignore[arg-type]


def save(app: HostgwApp, name: str) -> None:
    """Write the screen as SVG, without the web font that nobody should have to fetch."""
    svg = FONT_FACE.sub("", app.export_screenshot(title="hostgw-tui", simplify=False))
    (DIRECTORY / f"{name}.svg").write_text(svg.replace("Fira Code", "monospace"), "utf-8")
    sys.stderr.write(f"screenshots/{name}.svg\n")


def ping(lab: Lab) -> None:
    """Send three echo requests from a container of vm1 to one of vm2, and one to the outside."""
    address = str(lab.host("vm2").container_address("c1"))
    for target, count in ((address, "3"), ("192.0.2.9", "1")):
        argv = [*lab.entry("vm1", "c1"), "ping", f"-c{count}", "-i0.2", "-W2", target]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


async def shoot(app: HostgwApp, lab: Lab) -> None:
    """Walk through the screens."""
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda text: "route-missing" in text and "vm3" in text)
        save(app, "overview")
        await pilot.press("f")
        await until(pilot, lambda text: "ip route add" in text)
        save(app, "fix")
        await pilot.press("a")
        await until(pilot, lambda text: "✓ verified" in text)
        await pilot.press("escape", "u")
        await until(pilot, lambda text: "can be undone" in text)
        save(app, "undo")
        await pilot.press("escape")
        for key, name, word in SCREENS:
            await pilot.press(key)
            await until(pilot, lambda text, word=word: word in text)  # type: ignore[misc]
            await pilot.pause(1.5)  # let the rates settle: the picture shows them
            save(app, name)
        await pilot.press("5", "b", *"icmp", "enter", "s")
        await until(pilot, lambda text: "taps 6/6" in text)
        await asyncio.to_thread(ping, lab)
        await until(pilot, lambda text: "answered" in text and "Echo (ping) request" in text)
        await pilot.press("up", "up", "up")  # from the last one, to the outside, to one between containers
        await until(pilot, lambda text: "vm2/eth0 ← in" in text)
        await pilot.pause(1)
        save(app, "packets")
        await pilot.press("enter")
        await until(pilot, lambda text: "hdr.len" in text)
        save(app, "packet-details")
        await pilot.press("escape", "v")
        await until(pilot, lambda text: "TIME PACKET" in text and "●64" in text)
        save(app, "lanes")
        await pilot.press("e")
        await until(pilot, lambda text: "answered by packet" in text)
        save(app, "ladder")
        await pilot.press("escape", "v", "s", "6", "d", *"192.0.2.9", "enter", "p")
        await until(pilot, lambda text: "as predicted" in text)
        save(app, "path")
        await asyncio.to_thread(labs.break_, lab.name, "U1")
        await pilot.press("1")
        await app.run_action("app.probe_all")
        await until(pilot, lambda text: "no answer" in text and "underlay-drops-sources" in text)
        save(app, "probes")


async def shoot_setup(app: HostgwApp, lab: Lab) -> None:
    """Show what is asked of bare hosts."""
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda text: "form no host-gw network yet" in text)
        await pilot.press("S", "tab", "tab", "tab", "down")
        await until(pilot, lambda text: "✓ 3 new" in text)
        save(app, "setup")


async def shoot_practice(app: HostgwApp, lab: Lab) -> None:
    """Show two machines with Docker before anything routes, and the way between their containers afterwards."""
    for host, name in (("vm1", "busybox"), ("vm2", "web")):
        argv = ["docker", "run", "-d", "--name", name, "busybox", "sleep", "1000"]
        await asyncio.to_thread(lab.exec, host, argv, check=True, capture_output=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda text: text.count("route-missing") >= 2)
        save(app, "docker")
        await pilot.press("F")
        await until(pilot, lambda text: "ip route add" in text)
        await pilot.press("a")
        await until(pilot, lambda text: "✓ verified" in text)
        await pilot.press("escape", "6")
        await until(pilot, lambda text: "vm2/web/eth0" in text)
        save(app, "docker-path")


async def shoot_replay() -> None:
    """Show the demo where it has broken."""
    replay = Replay(read(DEMO))
    app = HostgwApp(replay, clock=replay.clock, title="demo")
    try:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda text: "4/4 up" in text or bool(replay.step(1)))
            await until(pilot, lambda text: "route-missing" in text or bool(replay.step(1)))
            await pilot.pause(0.5)
            save(app, "replay")
            picture = svg(build(replay.view(), str))
            (DIRECTORY / "topology.svg").write_text(picture, "utf-8")
    finally:
        replay.stop()


STORIES = {BARE: shoot_setup, PRACTICE: shoot_practice}
"""What is shown of the variants of a lab."""


def inside(name: str) -> None:
    """Take the pictures, in a process that enters the lab."""
    lab = enter_operator(name)
    options = Options(ssh_config=lab.directory / "inside_ssh_config")
    with tempfile.TemporaryDirectory() as state:
        prompter = DialogPrompter()
        hosts = parse_hosts(",".join(host.name for host in lab.hosts))
        live = Live(hosts, prompter, options, journal=Journal(Path(state)))
        try:
            app = HostgwApp(live, prompter, title=f"lab {name}")
            asyncio.run(STORIES.get(lab.shape.variant, shoot)(app, lab))
        finally:
            live.stop()


def main() -> int:
    """Build a lab with one route missing, one of bare hosts, one with Docker; take the pictures, remove them."""
    if sys.argv[1:]:
        inside(sys.argv[1])
        return 0
    asyncio.run(shoot_replay())
    names = {"plain": NAME, BARE: f"{NAME}{BARE}", PRACTICE: f"{NAME}{PRACTICE}"}
    try:
        labs.up(NAME, hosts=3, containers=2)
        labs.up(names[BARE], hosts=3, containers=1, variant=BARE)
        labs.up(names[PRACTICE], hosts=2, variant=PRACTICE)
        labs.break_(NAME, "R2")  # as R1, but the way to the outside stays
        runs = [subprocess.run([sys.executable, __file__, each], check=False) for each in names.values()]
        return max(run.returncode for run in runs)
    finally:
        for each in set(names.values()) & set(labs.names()):
            labs.down(each)


if __name__ == "__main__":
    sys.exit(main())
