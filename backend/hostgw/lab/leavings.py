"""The files that faults and lasting changes write on hosts: part of a host's state, and removed when it is healed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from hostgw.lab.hostfiles import variant_files
from hostgw.lab.table import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostgw.lab.addresses import Host
    from hostgw.lab.lab import Lab


OURS = "*hostgw-tui*"
"""How the files are called that make a host's network last; what they replaced is kept in `KEPT`."""
PLACES = ("etc/systemd", "etc/NetworkManager", "etc/netplan", "etc/network", "etc/sysctl.d", "etc/modules-load.d")
KEPT = "var/lib/hostgw-tui"


def strange(lab: Lab, host: Host) -> list[str]:
    """Return the paths that only a fault makes on a host, whether they are there or not."""
    return sorted({path for fault in FAULTS for path in fault.files} - set(variant_files(host, lab.shape)))


def found(lab: Lab, host: Host) -> dict[str, str]:
    """Return the files that are there of those, each with a digest of its content; raises LabError for a dead host."""
    root = Path(f"/proc/{lab.init(host.name).pid}/root")
    names = [*strange(lab, host), *lasting(root)]
    return {f"/{path.relative_to(root)}": _digest(path) for name in names for path in _under(root, name)}


def lasting(root: Path) -> list[str]:
    """Return the paths on a host by which its network was made lasting."""
    found = [path for place in PLACES for path in sorted((root / place).rglob(OURS))]
    kept = [root / KEPT] if (root / KEPT).exists() else []
    return [f"/{path.relative_to(root)}" for path in (*found, *kept)]


def _under(root: Path, name: str) -> Iterator[Path]:
    top = root / name.lstrip("/")
    if top.is_file():
        yield top
    else:
        yield from (path for path in sorted(top.rglob("*")) if path.is_file())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def remove(lab: Lab) -> None:
    """Remove them from every host."""
    for host in lab.hosts:
        root = Path(f"/proc/{lab.init(host.name).pid}/root")
        if paths := [*strange(lab, host), *lasting(root)]:
            lab.exec(host.name, ["rm", "-rf", *paths], capture_output=True, check=False)
