"""The files that make a lab host a machine of its own: names, accounts, sshd."""

from __future__ import annotations

import hashlib
import pwd
from typing import TYPE_CHECKING, Final

from hostgw.lab.addresses import NETWORK, Host, Shape
from hostgw.lab.dockerd import settings

if TYPE_CHECKING:
    from hostgw.lab.keys import KeyPair

SSHD: Final = ("/usr/sbin/sshd", "-f", "/etc/ssh/sshd_config", "-E", "/var/log/sshd.log")
"""How a host starts its sshd, which puts itself into the background."""
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_SSHD_CONFIG: Final = f"""\
ListenAddress 0.0.0.0
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile .ssh/authorized_keys
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 200
MaxSessions 200
PidFile /run/sshd.pid
SetEnv PATH={_PATH}
Subsystem sftp internal-sftp
"""
_TABLES: Final = ("iptables", "iptables-save", "iptables-restore")


def host_order(host: Host, shape: Shape, host_key: KeyPair, operator_key: KeyPair) -> dict[str, object]:
    """What a host's first process needs to set it up."""
    return {
        "name": host.name,
        "containers": list(host.containers),
        "sshd": list(SSHD),
        "files": _files(host, shape, host_key, operator_key),
        "links": _links(shape),
    }


def _files(host: Host, shape: Shape, host_key: KeyPair, operator_key: KeyPair) -> dict[str, tuple[int, str]]:
    neighbours = "".join(f"{other.address} {other.name}\n" for other in shape.all_hosts)
    return {
        "/etc/machine-id": (0o444, hashlib.sha256(host_key.public.encode()).hexdigest()[:32] + "\n"),
        "/etc/hostname": (0o644, f"{host.name}\n"),
        "/etc/hosts": (0o644, f"127.0.0.1 localhost\n{neighbours}"),
        "/etc/resolv.conf": (0o644, ""),
        "/etc/passwd": (0o644, _accounts()),
        "/etc/shadow": (0o600, "".join(f"{line.split(':')[0]}:*:19000::::::\n" for line in _accounts().splitlines())),
        "/etc/profile": (0o644, f"export PATH={_PATH}\nPS1='{host.name}# '\n"),
        "/etc/ssh/sshd_config": (0o600, _SSHD_CONFIG),
        "/etc/ssh/ssh_host_ed25519_key": (0o600, host_key.private),
        "/etc/ssh/ssh_host_ed25519_key.pub": (0o644, host_key.public + "\n"),
        "/root/.ssh/authorized_keys": (0o600, operator_key.public + "\n"),
        **variant_files(host, shape),
    }


def variant_files(host: Host, shape: Shape) -> dict[str, tuple[int, str]]:
    """Files that the program of a variant has on a host that owns a subnet."""
    if host.subnet and shape.variant == "flannel":
        return {"/run/flannel/subnet.env": (0o644, _lease(host.subnet))}
    if host.subnet and shape.kind.docker:
        return {"/etc/docker/daemon.json": (0o644, settings(host.subnet))}
    return {}


def _lease(subnet: str) -> str:
    gateway = subnet.replace(".0/24", ".1/24")
    return f"FLANNEL_NETWORK={NETWORK}\nFLANNEL_SUBNET={gateway}\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\n"


def _accounts() -> str:
    """The system's own accounts; root with a plain shell and without the real one's start-up files."""
    kept = [entry for entry in pwd.getpwall() if 0 < entry.pw_uid < 1000 or entry.pw_name == "nobody"]
    lines = [f"{each.pw_name}:x:{each.pw_uid}:{each.pw_gid}::/nonexistent:/usr/sbin/nologin" for each in kept]
    return "\n".join(["root:x:0:0:root:/root:/bin/sh", *lines]) + "\n"


def _links(shape: Shape) -> dict[str, str]:
    """Which backend the command `iptables` means on the hosts."""
    backend = "legacy" if shape.kind.nat == "legacy" else "nft"
    return {
        f"/etc/alternatives/{command}": f"/usr/sbin/{command.replace('iptables', f'iptables-{backend}')}"
        for command in _TABLES
    }
