"""What runs on a host without a Python: a few lines for `sh`, which print the host's state each time they are asked.

They come on standard input, so that no login shell has to understand them, and end with it. Each part of the picture is
framed by a token that nobody else knows, with the status of its program and, where that failed, its complaint.
"""

from __future__ import annotations

from typing import Final

from hostgw.agent.programs import NAMES
from hostgw.agent.sysctls import PER_DEVICE, SINGLE

CLOCK, ROUND = "@", "."
TOOLS: Final = ("ip", "bridge", "iptables-save", "nft", "tcpdump")

_SCRIPT: Final = r"""
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; LC_ALL=C; export PATH LC_ALL
t=TOKEN
s=
if [ SUDO = yes ] && [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then s="sudo -n"; fi
part() {
    printf '\n%s < %s\n' "$t" "$1"; shift
    "$@" 2>/dev/null; r=$?
    if [ $r -ne 0 ]; then printf '\n%s ! ' "$t"; "$@" 2>&1 >/dev/null | tail -n 1; fi
    printf '\n%s > %s\n' "$t" "$r"
}
files() { for f; do if [ -r "$f" ]; then grep -H '' "$f"; fi; done; }
tools() { for c in TOOLS; do if command -v $c >/dev/null; then echo $c; fi; done; }
user() { $s id -u; }
saved() {
    if command -v iptables-nft-save >/dev/null; then $s iptables-nft-save -c
    elif iptables-save -V 2>/dev/null | grep -q nf_tables; then $s iptables-save -c; fi
}
legacy() {
    if [ -n "$($s cat /proc/net/ip_tables_names 2>/dev/null)" ]; then
        if command -v iptables-legacy-save >/dev/null; then $s iptables-legacy-save -c; else $s iptables-save -c; fi
    fi
}
native() { if command -v nft >/dev/null; then $s nft -j list ruleset; fi; }
programs() { grep -HxE 'PROGRAMS' /proc/[0-9]*/comm || true; }
bridges() { if command -v bridge >/dev/null; then bridge -j fdb show; fi; }
inside() {
    for n in $(ip netns list 2>/dev/null | cut -d' ' -f1); do
        part "ns $n inode" $s stat -L -c %i "/run/netns/$n"
        part "ns $n links" $s ip -n "$n" -j -s -d link show
        part "ns $n addresses" $s ip -n "$n" -j address show
        part "ns $n routes" $s ip -n "$n" -j -4 -d route show table all
    done
}
once() {
    part user user
    part name uname -n
    part kernel uname -r
    part boot cat /proc/sys/kernel/random/boot_id
    part inode stat -L -c %i /proc/self/ns/net
    part machine cat /etc/machine-id
    part connection echo "$SSH_CONNECTION"
    part tools tools
}
look() {
    part links ip -j -s -d link show
    part addresses ip -j address show
    part routes ip -j -4 -d route show table all
    part rules ip -j -4 -d rule show
    part neighbours ip -j -4 -s neigh show
    part fdb bridges
    part sysctls files SYSCTLS
    part assigned files /sys/class/net/*/addr_assign_type
    part environment files /run/flannel/subnet.env
    part snmp cat /proc/net/snmp /proc/net/netstat
    part programs programs
    part nsids ip -j netns list
    part saved saved
    part legacy legacy
    part native native
    inside
}
once
while read -r word; do
    case $word in
    clock) printf '\n%s @ %s\n' "$t" "$(date +%s%N)" ;;
    *) look; printf '\n%s .\n' "$t" ;;
    esac
done
"""


def script(token: str, sudo: bool) -> bytes:
    """Return the lines; `token` marks what is ours, `sudo` reads with root's rights where no password is asked."""
    single = [f"/proc/sys/{path}" for path in SINGLE]
    each = [f"/proc/sys/net/ipv4/conf/*/{name}" for name in PER_DEVICE]
    text = (
        _SCRIPT.replace("SYSCTLS", " ".join((*single, *each)))
        .replace("PROGRAMS", "|".join(sorted(name[:15] for name in NAMES)))
        .replace("TOOLS", " ".join(TOOLS))
        .replace("SUDO", "yes" if sudo else "no")
        .replace("TOKEN", token)
    )
    return text.encode()


def command(size: int) -> str:
    """Return the command line that takes so many bytes from standard input and runs them.

    `dd` with blocks of one byte takes nothing of what follows.
    """
    return f"exec sh -c 'eval \"$(dd bs=1 count={size} 2>/dev/null)\"'"
