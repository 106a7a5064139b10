"""Lessons in the dashboard of a lab, from the keyboard: run as `python -m tests.lab.lesson_story LAB`.

Opens lesson 5, breaks its fault, sees the finding, sends its probe and sees where it is lost, heals, probes again.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from hostgw.inventory.targets import parse_hosts
from hostgw.lab import enter_operator
from hostgw.live import Live
from hostgw.plans.journal import Journal
from hostgw.ssh.options import Options
from hostgw_tui.app import HostgwApp
from hostgw_tui.prompts import DialogPrompter
from tests.lab.story import shows, until


async def story(app: HostgwApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: shows(app, "ealthy"), "the healthy network", pilot)
        app.action_lessons()
        await until(lambda: shows(app, "lesson 1 of 7", "10.239.1.2"), "the first lesson", pilot)
        await pilot.press("N")
        await until(lambda: shows(app, "lesson 7 of 7"), "the last lesson, before the first", pilot)
        await pilot.press("N", "N")
        await until(lambda: shows(app, "lesson 5 of 7", "sysctl -qw net.ipv4.ip_forward=0"), "lesson 5", pilot)
        await pilot.press("b")
        await until(lambda: shows(app, "forwarding-off"), "the finding", pilot)
        app.action_lessons()
        await until(lambda: shows(app, "lesson 5 of 7"), "the lesson that was read last", pilot)
        await pilot.press("p")
        await until(lambda: shows(app, "beside seen", "forwarding is off on vm2"), "the lost probe", pilot)
        app.action_lessons()
        await until(lambda: shows(app, "lesson 5 of 7"), "the lesson again", pilot)
        await pilot.press("h")
        await until(lambda: not app.engine.view().listed, "no finding", pilot)
        app.action_lessons()
        await until(lambda: shows(app, "lesson 5 of 7"), "the lesson once more", pilot)
        await pilot.press("p")
        await until(lambda: shows(app, "beside seen", "answered", "vm2/c1/eth0"), "the answered probe", pilot)


def main(name: str) -> None:
    lab = enter_operator(name)
    options = Options(ssh_config=lab.directory / "inside_ssh_config")
    with tempfile.TemporaryDirectory() as state:
        prompter = DialogPrompter()
        hosts = parse_hosts(",".join(host.name for host in lab.hosts))
        live = Live(hosts, prompter, options, journal=Journal(Path(state)))
        try:
            asyncio.run(story(HostgwApp(live, prompter, lab=name)))
        finally:
            live.stop()
    sys.stdout.write("told\n")


if __name__ == "__main__":
    main(sys.argv[1])
