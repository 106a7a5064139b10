"""OpenSSH settings that reach the hosts of a lab, from anywhere or from inside its operator namespace."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from hostgw.lab import store

if TYPE_CHECKING:
    from pathlib import Path

    from hostgw.lab.addresses import Host
    from hostgw.lab.keys import KeyPair

CONFIG: Final = "ssh_config"
"""Settings with a ProxyCommand: they work from anywhere on the host."""
INSIDE_CONFIG: Final = "inside_ssh_config"
"""Settings without one, for a process in the operator namespace."""
OPERATOR_KEY: Final = "operator"
_KNOWN_HOSTS: Final = "known_hosts"


def ssh_config(name: str) -> str:
    """OpenSSH settings for every host of a lab; raises LabError."""
    return _read(name, CONFIG)


def inside_ssh_config(name: str) -> str:
    """The same without ProxyCommand, for a process that entered the operator namespace; raises LabError."""
    return _read(name, INSIDE_CONFIG)


def write_files(name: str, hosts: tuple[Host, ...], keys: dict[str, KeyPair]) -> None:
    """Write known_hosts and both settings files of a lab."""
    folder = store.directory(name)
    known = "".join(f"{each.name},{each.address} {_bare(keys[each.name])}\n" for each in hosts)
    store.write(folder / _KNOWN_HOSTS, known)
    proxy = f"  ProxyCommand {_quoted(sys.executable)} -m hostgw_tui lab connect {name} %h %p\n"
    store.write(folder / CONFIG, "".join(_block(each, folder) + proxy for each in hosts))
    store.write(folder / INSIDE_CONFIG, "".join(_block(each, folder) for each in hosts))


def _read(name: str, file: str) -> str:
    store.saved(name)
    return (store.directory(name) / file).read_text(encoding="utf-8")


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'" if set(path) & set(" '\"$`\\") else path.replace("%", "%%")


def _bare(key: KeyPair) -> str:
    return " ".join(key.public.split()[:2])


def _block(host: Host, folder: Path) -> str:
    return (
        f"Host {host.name}\n"
        f"  HostName {host.address}\n"
        "  User root\n"
        f"  IdentityFile {folder}/key-{OPERATOR_KEY}\n"
        "  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/{_KNOWN_HOSTS}\n"
        "  GlobalKnownHostsFile /dev/null\n"
        "  StrictHostKeyChecking yes\n"
    )
