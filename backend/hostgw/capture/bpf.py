"""Capture filters: the operator's expression and the exclusion of our own SSH, compiled to classic BPF.

Compiled here, shipped as numbers. Names are not looked up: a filter says `host 10.239.0.2`, never `host vm1`, for a
look-up would block and tell a name server what is being captured.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import ipaddress
import re
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from hostgw.clean import clean
from hostgw.errors import CaptureError

MAX_EXPRESSION = 1000
MAX_INSTRUCTIONS = 4096
HINT = "Give an address, or one of: host, net, port, src, dst, tcp, udp, icmp, arp, ..."
DLT_EN10MB = 1
NETMASK_UNKNOWN = 0xFFFFFFFF

Program = tuple[tuple[int, int, int, int], ...]

_ALLOWED = re.compile(r"[A-Za-z0-9 .:/_\-()\[\]&|!<>=+*%^~,]*")
_WORD = re.compile(r"[A-Za-z0-9_.:\-]+(?:/[0-9.]+)?")
_WORDS = """
host net port portrange src dst gateway ether link ip ip6 arp rarp icmp icmp6 tcp udp sctp igmp pim vrrp carp
esp ah proto protochain broadcast multicast less greater vlan mpls and or not mask len inbound outbound ifindex
decnet stp iso icmptype icmpcode icmp6type icmp6code tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg
tcp-ece tcp-cwr icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect icmp-echo icmp-routeradvert
icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp icmp-tstampreply icmp-ireq icmp-ireqreply
icmp-maskreq icmp-maskreply icmp6-echo icmp6-echoreply
"""
_KEYWORDS = frozenset(_WORDS.split())
_NUMBER = re.compile(
    r"[0-9][0-9.]*(/[0-9.]+)?|[0-9]+-[0-9]+|0x[0-9a-fA-F]+|([0-9a-fA-F]{1,2}[:-]){5}[0-9a-fA-F]{1,2}|[0-9]+:[0-9]+|-+"
)
_BEFORE_NAMES = frozenset({"port", "portrange", "proto", "protochain"})


class FourTuple(NamedTuple):
    """One of our SSH sessions as the host's kernel sees it (SSH_CONNECTION)."""

    client: str
    client_port: int
    server: str
    server_port: int


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Compiled(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction))]


def four_tuple(ssh_connection: str) -> FourTuple:
    """Read the value of SSH_CONNECTION.

    Raises:
        CaptureError: it is not two addresses with their ports.
    """
    try:
        client, client_port, server, server_port = ssh_connection.split()
        found = FourTuple(_address(client), int(client_port), _address(server), int(server_port))
    except ValueError as error:
        raise CaptureError("SSH_CONNECTION makes no sense", clean(ssh_connection, 80)) from error
    return found


def exclusion(sessions: Iterable[FourTuple]) -> str:
    """Return the filter that leaves out our own sessions, both directions; empty without sessions.

    Raises:
        CaptureError: an address or a port is none.
    """
    found = " or ".join(_session(session) for session in sorted(set(sessions)))
    return f"not (tcp and ({found}))" if found else ""


def combined(sessions: Iterable[FourTuple], expression: str = "") -> str:
    """Return the filter of a tap: our exclusion first, then the operator's own in brackets, which cannot undo it."""
    check(expression)
    parts = [exclusion(sessions), f"({expression})" if expression.strip() else ""]
    return " and ".join(part for part in parts if part)


def check(expression: str) -> None:
    """Refuse what cannot be a filter, or would need a look-up of a name.

    Raises:
        CaptureError: says what is wrong with it.
    """
    if len(expression) > MAX_EXPRESSION:
        raise CaptureError("capture filter is too long", f"{len(expression)} of {MAX_EXPRESSION} characters")
    if not _ALLOWED.fullmatch(expression):
        raise CaptureError("capture filter has a character that no filter has", clean(expression, 120))
    if not _balanced(expression):
        raise CaptureError("capture filter has unbalanced brackets", clean(expression, 120))
    before = ""
    for word in _WORD.findall(expression):
        if not (word in _KEYWORDS or before in _BEFORE_NAMES or _is_value(word)):
            what = f"capture filter: '{clean(word, 60)}' is no filter word"
            raise CaptureError(what, "names are not looked up", HINT)
        before = word


def compile_filter(expression: str, snaplen: int) -> Program:
    """Compile a filter for Ethernet; its accepting return value is `snaplen`.

    Raises:
        CaptureError: libpcap refuses it (in its own words), or neither libpcap nor tcpdump is there.
    """
    library = _libpcap()
    program = _by_libpcap(library, expression, snaplen) if library else _by_tcpdump(expression, snaplen)
    if len(program) > MAX_INSTRUCTIONS:
        raise CaptureError("capture filter is too large", f"{len(program)} instructions, the kernel takes 4096")
    return program


def _session(session: FourTuple) -> str:
    try:
        client, server = _address(session.client), _address(session.server)
    except ValueError as error:
        raise CaptureError("not an address", clean(str(error), 80)) from error
    ports = (session.client_port, session.server_port)
    if not all(0 < port < 65536 for port in ports):
        raise CaptureError("not a port", str(ports))
    return f"(host {client} and port {ports[0]} and host {server} and port {ports[1]})"


def _address(text: str) -> str:
    """Return an address as libpcap takes it: without a zone, IPv4 not dressed as IPv6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _balanced(expression: str) -> bool:
    depth = 0
    for char in expression:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def _is_value(word: str) -> bool:
    """Return whether a word is a number, a port range, a slice of a header, an address, a prefix or a MAC."""
    if _NUMBER.fullmatch(word):
        return True
    try:
        return ":" in word and bool(ipaddress.ip_network(word, strict=False))
    except ValueError:
        return False


@functools.cache
def _libpcap() -> ctypes.CDLL | None:
    for name in ("libpcap.so.1", "libpcap.so.0.8", ctypes.util.find_library("pcap")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library:
            library.pcap_open_dead.restype = ctypes.c_void_p
            library.pcap_geterr.restype = ctypes.c_char_p
            library.pcap_geterr.argtypes = library.pcap_close.argtypes = [ctypes.c_void_p]
            return library
    return None


def _by_libpcap(library: ctypes.CDLL, expression: str, snaplen: int) -> Program:
    handle = ctypes.c_void_p(library.pcap_open_dead(DLT_EN10MB, snaplen))
    compiled = _Compiled()
    try:
        text = expression.encode()
        if library.pcap_compile(handle, ctypes.byref(compiled), text, 1, ctypes.c_uint(NETMASK_UNKNOWN)):
            raise CaptureError("capture filter is refused", clean(library.pcap_geterr(handle), 200))
        found = compiled.instructions[: compiled.length]
        program = tuple((i.code, i.jt, i.jf, i.k) for i in found)
        library.pcap_freecode(ctypes.byref(compiled))
    finally:
        library.pcap_close(handle)
    return program


def _by_tcpdump(expression: str, snaplen: int) -> Program:
    argv = ["tcpdump", "-ddd", "-y", "EN10MB", "-s", str(snaplen), "--", expression]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CaptureError("no way to compile a capture filter", clean(str(error), 120),
                           "Install libpcap or tcpdump.") from error  # fmt: skip
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["tcpdump failed"]
        raise CaptureError("capture filter is refused", clean(words[-1], 200))
    rows = [tuple(int(number) for number in line.split()) for line in done.stdout.splitlines()[1:]]
    return tuple((row[0], row[1], row[2], row[3]) for row in rows if len(row) == 4)
