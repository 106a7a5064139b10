"""Names for the lab's hosts that go wrong each in its own way, for the tests of the command line."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hostgw.lab import Lab
from tests.lab.ssh_arena import make_key, until

ODD_PORT = 2222
USER_PORT = 2223


class Names:
    """An ssh configuration: `add` a name, then pass `path` as --ssh-config."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab, self._folder = lab, folder
        self.path = folder / "ssh_config"
        self.path.write_text("")
        self.known = lab.directory / "known_hosts"

    def add(self, name: str, address: str, *lines: str, known: Path | None = None, key: Path | None = None) -> None:
        """First come, first served: ssh takes the first value of an option."""
        own = "".join(f"  {line}\n" for line in lines)
        key = key or self._lab.directory / "key-operator"
        with self.path.open("a") as file:
            file.write(
                f"Host {name}\n{own}  HostName {address}\n  User root\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
                f"  UserKnownHostsFile {known or self.known}\n  GlobalKnownHostsFile none\n  ConnectTimeout 2\n"
            )

    def address(self, name: str) -> str:
        return str(self._lab.host(name).address)

    def add_true(self, *names: str) -> None:
        """The hosts as they are."""
        for name in names:
            self.add(name, self.address(name))

    def swapped_known_hosts(self) -> Path:
        """vm1 with the key of vm2."""
        lines = dict(line.split(maxsplit=1) for line in self.known.read_text().splitlines())
        vm1, vm2 = (f"{name},{self.address(name)}" for name in ("vm1", "vm2"))
        path = self._folder / "swapped_known_hosts"
        path.write_text(f"{vm1} {lines[vm2]}\n")
        return path

    def empty_known_hosts(self) -> Path:
        path = self._folder / "empty_known_hosts"
        path.write_text("")
        return path

    def stranger(self) -> Path:
        return make_key(self._folder / "stranger")

    def alias_known_hosts(self, name: str, *ports: int) -> Path:
        """The key of a host under other ports."""
        address = self.address(name)
        key = next(x.split()[1:3] for x in self.known.read_text().splitlines() if x.startswith(f"{name},"))
        path = self._folder / f"ports_of_{name}"
        path.write_text("".join(f"[{address}]:{port} {' '.join(key)}\n" for port in ports))
        return path


@contextlib.contextmanager
def another_sshd(lab: Lab, host: str, port: int, settings: str, prepare: str = ":") -> Iterator[None]:
    """A second sshd on a host, ended by its pid; `prepare` is run before in sh."""
    lab.exec(host, ["sh", "-ec", prepare], check=True)
    script = f"cat - /etc/ssh/sshd_config > /run/sshd{port}"  # of a setting, sshd takes the first (sshd_config(5))
    extra = f"PidFile /run/sshd{port}.pid\nPort {port}\n{settings}\n"
    lab.exec(host, ["sh", "-ec", script], input=extra, text=True, check=True)
    lab.exec(host, ["/usr/sbin/sshd", "-f", f"/run/sshd{port}"], check=True)
    try:
        until(lambda: lab.exec(host, ["test", "-s", f"/run/sshd{port}.pid"], check=False).returncode == 0)
        yield
    finally:
        lab.exec(host, ["sh", "-c", f"kill $(cat /run/sshd{port}.pid)"], check=True)


def processes(lab: Lab, host: str, word: str) -> list[str]:
    """Command lines on a host that hold a word; its pid namespace sees no other host's."""
    done = lab.exec(host, ["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if word in line and "ps -eo" not in line]


def agents(lab: Lab) -> list[str]:
    """Agents on all hosts of a lab."""
    return [f"{host.name}: {line}" for host in lab.hosts for line in processes(lab, host.name, "-IBSu")]


def completed(done: subprocess.CompletedProcess[str]) -> str:
    """All that was printed."""
    return done.stdout + done.stderr
