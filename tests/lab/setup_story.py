"""From bare hosts to a network and back by keys: run as `python -m tests.lab.setup_story LAB WIDTH HEIGHT`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from hostgw.inventory.targets import parse_hosts
from hostgw.lab import Lab, enter_operator
from hostgw.live import Live
from hostgw.plans.journal import Journal
from hostgw.ssh.options import Options
from hostgw_tui.app import HostgwApp
from hostgw_tui.prompts import DialogPrompter
from tests.lab.story import shows, until

HOSTS = ("vm1", "vm2", "vm3")


def ping(lab: Lab, target: str) -> str:
    argv = ["ping", "-c1", "-W2", target]
    return subprocess.run([*lab.entry("vm1", "c1"), *argv], check=False, capture_output=True, text=True).stdout


async def applied(app: HostgwApp, pilot: Pilot[None]) -> None:
    """Apply the preview that is shown, and close it."""
    await pilot.press("a")
    await until(lambda: shows(app, "✓ verified"), "the outcome", pilot)
    await pilot.press("escape")


async def attach(app: HostgwApp, pilot: Pilot[None], host: str) -> None:
    await pilot.press("colon", *"attach")
    await until(lambda: shows(app, "a namespace becomes a container"), "the palette", pilot)
    await pilot.press("down", "enter")
    await until(lambda: shows(app, "which namespace?"), "the form", pilot)
    await pilot.press(*["backspace"] * 3, *host, "tab", *"c1")
    await until(lambda: shows(app, f"1 step on {host}"), "the form filled", pilot)
    await pilot.press("enter")
    await until(lambda: shows(app, "Attach: preview", "veth pair"), "the preview", pilot)
    await applied(app, pilot)


async def story(app: HostgwApp, lab: Lab, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await until(lambda: shows(app, "form no host-gw network yet", "3/3 up"), "bare hosts", pilot)
        await pilot.press("S")
        await until(lambda: shows(app, "✓ 3 new", "10.239.2.0/24"), "the form with what is suggested", pilot)
        await pilot.press("enter")
        await until(lambda: shows(app, "Set up: preview", "why"), "the preview", pilot)
        await applied(app, pilot)
        await until(lambda: shows(app, "ealthy", "No container hangs", "■ own", "✓ ok"), "the network", pilot)
        for host in HOSTS:
            await attach(app, pilot, host)
        for subnet in (1, 2):
            said = await asyncio.to_thread(ping, lab, f"10.239.{subnet}.2")
            assert "ttl=62" in said, said
        await pilot.press("u")
        await until(lambda: shows(app, "another first"), "the list of what was done", pilot)
        await pilot.press("G", "s")
        await until(lambda: shows(app, "undo 4 changes, the newest first"), "the preview of all since", pilot)
        await applied(app, pilot)
        await until(lambda: shows(app, "0 of 5 can be undone"), "the list afterwards", pilot)
        await pilot.press("escape")
        await until(lambda: shows(app, "form no host-gw network yet"), "bare hosts again", pilot)


def main(name: str, width: int, height: int) -> None:
    lab = enter_operator(name)
    options = Options(ssh_config=lab.directory / "inside_ssh_config")
    with tempfile.TemporaryDirectory() as state:
        prompter = DialogPrompter()
        live = Live(parse_hosts(",".join(HOSTS)), prompter, options, journal=Journal(Path(state)))
        try:
            asyncio.run(story(HostgwApp(live, prompter), lab, (width, height)))
        finally:
            live.stop()
    sys.stdout.write("told\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
