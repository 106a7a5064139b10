"""What shells offer for names, asked of each shell as a person asks: by the tab key in a terminal."""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hostgw.errors import LabError
from hostgw_tui import completing
from hostgw_tui.parsers import build_parser

PATIENCE_S = 60
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(hostgw-tui completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -D; eval "$(hostgw-tui completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "hostgw-tui completion fish | source"),
}


class Terminal:
    """A shell in a pseudo-terminal."""

    def __init__(self, argv: list[str], home: Path) -> None:
        self.said = ""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            os.execvpe(argv[0], argv, {"PATH": path, "HOME": str(home), "TERM": "dumb", "COLUMNS": "200"})  # noqa: S606

    def type(self, text: str, until: Callable[[str], bool]) -> str:
        """Type something; return what is said afterwards, when it is what is waited for."""
        begins = len(self.said)
        os.write(self._fd, text.encode())
        end = time.monotonic() + PATIENCE_S
        while not until(self.said[begins:]):
            assert time.monotonic() < end, self.said[-2000:]
            if select.select([self._fd], [], [], 0.2)[0]:
                self.said += os.read(self._fd, 65536).decode(errors="replace")
        return self.said[begins:]

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    argv, prepared = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    opened = Terminal(argv, tmp_path)
    try:
        opened.type(f"{prepared}; echo ready''made\n", lambda said: "readymade" in said)
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("terminal", SHELLS, indirect=True)
def test_the_tab_key_completes_a_command_and_a_name(terminal: Terminal) -> None:
    terminal.type("hostgw-tui expl\t", lambda said: "explain" in said)
    terminal.type("R2\t9\n", lambda said: "R29" in said and "detected" in said)


def asked(**more: object) -> argparse.Namespace:
    return argparse.Namespace(**{"hosts": None, "inventory": None, "lab": None, **more})


def offered(dest: str, metavar: str, **more: object) -> list[str]:
    return completing.COMPLETERS[dest, metavar](parsed_args=asked(**more), prefix="")


def test_hosts_are_those_that_the_options_name(tmp_path: Path) -> None:
    listed = tmp_path / "hosts.toml"
    listed.write_text('[hosts.vm7]\naddress = "10.0.0.7"\n')
    assert offered("host", "NAME", hosts="vm1,root@vm2:22") == ["vm1", "vm2"]
    assert offered("name", "HOST", inventory=listed) == ["vm7"]
    assert offered("host", "NAME") == []


def test_where_something_is_wrong_nothing_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise LabError(f"there is no lab {name}")

    monkeypatch.setattr("hostgw.lab.load", none)
    assert offered("source", "SRC", lab="gone") == []
    assert offered("host", "NAME", inventory=tmp_path / "missing.toml") == []
    assert offered("host", "NAME", hosts=",,") == []


def test_codes_entries_faults_and_variants() -> None:
    assert "route-missing" in offered("code", "CODE")
    assert {"route-missing", "R1"} <= set(offered("about", "CODE"))
    assert "R1" in offered("words", "[NAME] ID")
    assert "flannel" in offered("variant", "V")


def test_every_completer_is_for_an_argument_that_there_is() -> None:
    parser = build_parser()
    completing.offer(parser)
    given = {(a.dest, str(a.metavar)) for a in completing._actions(parser) if hasattr(a, "completer")}
    assert given == set(completing.COMPLETERS)
