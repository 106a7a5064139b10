"""ssh keys of a lab: one for the operator, one per host."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostgw.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ed25519 key as OpenSSH writes it."""

    private: str
    public: str


def make_keys(folder: Path, names: Iterable[str]) -> dict[str, KeyPair]:
    """One key pair per name, kept as files `key-NAME` in a folder; raises LabError."""
    running = {name: _start(folder / f"key-{name}", name) for name in names}
    for name, process in running.items():
        if process.wait():
            raise LabError(f"ssh-keygen made no key for {name}", f"exit code {process.returncode}")
    return {name: _read(folder / f"key-{name}") for name in running}


def _start(path: Path, comment: str) -> subprocess.Popen[bytes]:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    try:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise LabError("ssh-keygen cannot be run", str(error), "install openssh-client") from error


def _read(path: Path) -> KeyPair:
    public = path.with_name(path.name + ".pub").read_text(encoding="utf-8")
    return KeyPair(path.read_text(encoding="utf-8"), public.strip())
