"""Names that a host chose: nothing of them reaches the terminal as a control, nothing of them is run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw import lab as labs
from hostgw.lab import Lab
from tests.lab.conftest import Run
from tests.lab.test_cli_fix import on_terminal

pytestmark = pytest.mark.lab
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
TRAP = "/tmp/hostgw-trap"  # noqa: S108 - in the host's own /tmp
LINKS = ("\x1b[2J", "\x9b31m", "\u202eab", "a$(id)`b`", ";reboot", "'\"|&", "[red]x[x]", "\x07\x08")
NAMES = ("c\x1b]0;x\x07", "$(touch trap)", "[b]x[b]", "-rf")


@pytest.fixture
def hostile() -> Iterator[Lab]:
    """A small lab whose vm1 chose its names badly."""
    lab = labs.up(f"h{os.getpid()}", hosts=2, containers=1)
    try:
        _spoil(lab)
        yield lab
    finally:
        labs.down(lab.name)


def _spoil(lab: Lab) -> None:
    def run(*argv: str, **options: object) -> None:
        lab.exec("vm1", list(argv), check=True, capture_output=True, **options)

    for number, name in enumerate(LINKS):
        run("ip", "link", "add", "name", name, "type", "veth", "peer", "name", f"peer{number}")
        run("ip", "link", "set", "dev", f"peer{number}", "alias", f"\x1b[31m{name}\u202e$(touch {TRAP})", "up")
        run("ip", "link", "set", "dev", name, "master", "br0", "up")
    for name in NAMES:
        run("ip", "netns", "add", name)
    for number, name in enumerate(NAMES):
        run("ip", "link", "set", "dev", f"peer{number}", "netns", name)
    comment = f"\x1b]52;c;eA==\x07\u202e[/] $(touch {TRAP})"
    run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "203.0.113.7/32", "-m", "comment", "--comment", comment)
    big = "x" * 250
    rules = "".join(f"-A big -s 203.0.113.{n % 250}/32 -m comment --comment {big}\n" for n in range(800))
    run("iptables-restore", "--noflush", input=f"*nat\n:big - [0:0]\n{rules}COMMIT\n".encode())  # 200 kB of comments
    run("ip", "route", "add", "10.239.99.0/24", "dev", LINKS[3])
    run("ip", "route", "del", "10.239.1.0/24")
    run("ip", "route", "add", "10.239.1.0/24", "dev", LINKS[0])


def assert_inert(text: str) -> None:
    assert not CONTROLS & set(text.replace("\n", "")), sorted(map(ascii, CONTROLS & set(text.replace("\n", ""))))


def test_text_is_inert_and_nothing_is_run(hostile: Lab, hostgw: Run, tmp_path: Path, state_home: Path) -> None:
    lab = ("--lab", hostile.name)
    commands: list[tuple[list[str], int]] = [
        (["check"], 1), (["routes"], 0), (["nat"], 0), (["fix"], 2),
        (["capture", "--seconds", "1"], 0),
        (["snapshot", "-o", str(tmp_path / "s")], 0), (["routes", "--host", "\x1b[2J"], 2),
    ]  # fmt: skip
    for words, code in commands:
        done = hostgw(*words, *lab, code=code)
        assert_inert(done.stdout)
        assert_inert(done.stderr)
    for words in (["check"], ["nat"], ["fix", "--dry-run"]):
        done = hostgw(*words, *lab, "--json")
        assert_inert(done.stdout)
        json.loads(done.stdout)
    code, shown = on_terminal(state_home, ["fix", *lab], "y\n")
    assert_inert(shown.replace("\r", ""))
    assert code == 0, shown
    assert json.loads(hostgw("check", *lab, "--json").stdout)["findings"] == []
    assert_inert(hostgw("undo", "--list", code=0).stdout)
    done = hostgw("undo", *lab, "--yes", code=0)
    assert_inert(done.stdout)
    for host in hostile.hosts:
        assert hostile.exec(host.name, ["test", "-e", TRAP]).returncode == 1
    assert not Path(TRAP).exists()
    assert not Path("trap").exists()
