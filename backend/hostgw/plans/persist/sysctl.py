"""Kernel settings at boot: a file in sysctl.d with what the files of others do not bring by themselves.

Sources: sysctl.d(5): all files are read in the order of their names, the last value counts; sysctl(8) --system reads
/etc/sysctl.conf after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hostgw.checks.boot_files import LAST_READ, sysctl_files
from hostgw.fabric import Host
from hostgw.plans.persist.model import MARK, NAME, Draft, Files

DIRECTORY = "/etc/sysctl.d/"
USUAL, LATE = f"90-{NAME}.conf", f"99-zzz-{NAME}.conf"
"""The late one where the file of another would undo what the usual one says."""
FORWARD = "net/ipv4/ip_forward"
BRIDGED = "net/bridge/bridge-nf-call-iptables"
_SWAPPED = str.maketrans("./", "/.")


def lost(host: Host, devices: tuple[str, ...]) -> dict[str, str]:
    """Return the settings of now that a boot would not bring: path to value. `devices` are NIC and bridges."""
    now, files = host.root.sysctls, at_boot(host)
    per_device = (
        f"net/ipv4/conf/{device}/{name}"
        for device in ("all", "default", *devices)
        for name in ("forwarding", "rp_filter")
    )
    told = (path for path in (BRIDGED, *per_device) if path in now and path in files)
    found = {path: now[path] for path in told if files[path] != now[path]}
    forwards = now.get(FORWARD) == "1" and files.get(FORWARD) != "1"
    return {**({FORWARD: "1"} if forwards else {}), **found}


def at_boot(host: Host) -> dict[str, str]:
    """Return what the files of others set: path to the value that counts in the end."""
    return {key.translate(_SWAPPED): value for path, key, value in sysctl_files(host) if NAME not in path}


def drafts(host: Host, wanted: Mapping[str, str], files: Files) -> Iterator[Draft]:
    """Yield our file, under the name by which it is read late enough."""
    chosen = LATE if any(name > USUAL for name in contradicting(host, wanted)) else USUAL
    for name in (USUAL, LATE):
        text = sysctl_text(wanted) if wanted and name == chosen else None
        if change := files.change(DIRECTORY + name, text):
            what = "forwarding and what goes with it, at boot" if text else "not needed any more"
            yield Draft(change, what, ("sysctl-file-forwarding-off",) if text else ())


def contradicting(host: Host, wanted: Mapping[str, str]) -> set[str]:
    """Return the names of files that set something else than is wanted."""
    keys = {path.translate(_SWAPPED): value for path, value in wanted.items()}
    held = ((path, key, value) for path, key, value in sysctl_files(host) if NAME not in path)
    return {path.rpartition("/")[2] for path, key, value in held if keys.get(key, value) != value}


def notes(host: Host, wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield what a file of ours cannot bring about."""
    late = sorted(name for name in contradicting(host, wanted) if name > LATE or name == LAST_READ.rpartition("/")[2])
    for name in late:
        yield f"{name} says otherwise and is read after our file: change it by hand"


def sysctl_text(wanted: Mapping[str, str]) -> str:
    """Return our file."""
    lines = (f"{path if '.' in path else path.replace('/', '.')} = {value}" for path, value in wanted.items())
    return "\n".join([f"# {MARK}: a host forwards what its containers send and get.", *lines, ""])
