"""What the user's own ssh settings say about a host, asked of OpenSSH itself (``ssh -G``).

So Include, Match, ProxyJump, IdentityFile and UserKnownHostsFile mean what they mean to ssh. Where OpenSSH is not
installed its defaults are used.
"""

from __future__ import annotations

import getpass
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hostgw.clean import clean
from hostgw.errors import UsageError
from hostgw.ssh.target import Target, checked

_AT_ONCE = threading.BoundedSemaphore(4)
_DEADLINE_S = 20.0
_DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_USUAL_KEYS = {f"id_{kind}" for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa")}
"""Names that ``ssh -G`` lists where no key file is configured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to connect to one host."""

    name: str
    hostname: str
    port: int = 22
    user: str = "root"
    identities: tuple[Path, ...] = ()
    """Private key files that exist."""
    missing: tuple[Path, ...] = ()
    """Private key files that the settings name, and that do not exist."""
    config: Path | None = None
    """The file of settings that was given instead of the user's own."""
    identities_only: bool = False
    agent_socket: str = ""
    """Socket of the key agent; empty: $SSH_AUTH_SOCK, `none`: no agent."""
    user_known_hosts: tuple[Path, ...] = ()
    global_known_hosts: tuple[Path, ...] = ()
    hash_known_hosts: bool = False
    revoked_keys: str = ""
    host_key_alias: str = ""
    proxy_command: str = ""
    """With every %-token expanded."""
    proxy_jump: tuple[str, ...] = ()
    connect_timeout: float = 10.0
    password_allowed: bool = True
    pkcs11: str = ""
    """Library of a token that holds keys."""
    gssapi: bool = False

    @property
    def command(self) -> str:
        """How a person reaches the host with the same settings: ``ssh -F FILE vm1``."""
        return shlex.join(["ssh", *(["-F", str(self.config)] if self.config else []), self.name])

    @property
    def known_name(self) -> str:
        """The name that known_hosts files list the host by."""
        if self.host_key_alias:
            return self.host_key_alias.lower()
        return (self.hostname if self.port == 22 else f"[{self.hostname}]:{self.port}").lower()


def resolve(target: Target, ssh_config: Path | None = None) -> Settings:
    """Return the settings that ssh would use for `target`.

    Raises:
        UsageError: a name is not allowed, or ssh refuses its configuration.
    """
    checked(target)
    if shutil.which("ssh") is None:
        return _from_defaults(target)
    return replace(parse(target, _ask_ssh(_argv(target, ssh_config), target.name)), config=ssh_config)


def resolve_hop(hop: str, rest: Sequence[str], ssh_config: Path | None = None) -> Settings:
    """Return the settings of a jump host ``[user@]host[:port]``, itself reached through `rest`.

    Raises:
        UsageError: it is no such thing, or ssh refuses its configuration.
    """
    text = hop.removeprefix("ssh://").rstrip("/")
    match = re.fullmatch(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[^]]+)\]|(?P<host>[^:]+))(?::(?P<port>\d+))?", text)
    if match is None:
        raise UsageError(f"{clean(hop, 80)!r} is no jump host", "expected [user@]host[:port]")
    name = match["six"] or match["host"]
    settings = resolve(Target(name, user=match["user"] or "", port=int(match["port"] or 0)), ssh_config)
    return replace(settings, proxy_jump=tuple(rest), proxy_command="") if rest else settings


def _argv(target: Target, ssh_config: Path | None) -> list[str]:
    return ["ssh", "-G", *arguments(target, ssh_config)]


def arguments(target: Target, ssh_config: Path | None) -> list[str]:
    """Return what names a host, and the settings for it, to the `ssh` program; a command may follow."""
    argv: list[str] = []
    if ssh_config is not None:
        argv += ["-F", str(ssh_config)]
    if target.port:
        argv += ["-p", str(target.port)]
    if target.user:
        argv += ["-l", target.user]
    if target.host and target.host != target.name:
        argv += ["-o", f"HostName={target.host}"]
    return [*argv, "--", target.name]


def _ask_ssh(argv: list[str], host: str) -> str:
    try:
        with _AT_ONCE:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise UsageError("ssh -G did not answer", "a `Match exec` may hang", "", host) from error
    if done.returncode:
        cause = clean(done.stderr.strip() or f"exit status {done.returncode}".encode(), 300)
        raise UsageError("ssh refuses its settings", cause, "Correct the ssh configuration file.", host)
    return done.stdout.decode("utf-8", "surrogateescape")


def parse(target: Target, text: str) -> Settings:
    """Return the settings that the output of ``ssh -G`` holds."""
    first, every = _options(text)
    hostname = first.get("hostname", target.host or target.name)
    settings = Settings(
        name=target.name,
        hostname=hostname,
        port=int(first.get("port", "22")),
        user=first.get("user", "") or getpass.getuser(),
        identities=_existing(every.get("identityfile", [])),
        missing=_missing(every.get("identityfile", [])),
        identities_only=first.get("identitiesonly") == "yes",
        agent_socket=first.get("identityagent", ""),
        user_known_hosts=_files(first.get("userknownhostsfile", "~/.ssh/known_hosts")),
        global_known_hosts=_files(first.get("globalknownhostsfile", "/etc/ssh/ssh_known_hosts")),
        hash_known_hosts=first.get("hashknownhosts") == "yes",
        revoked_keys=_unless_none(first.get("revokedhostkeys", "")),
        host_key_alias=first.get("hostkeyalias", ""),
        proxy_jump=_hops(first.get("proxyjump", "")),
        connect_timeout=_timeout(first.get("connecttimeout", "none")),
        password_allowed=first.get("batchmode") != "yes",
        pkcs11=_unless_none(first.get("pkcs11provider", "")),
        gssapi=first.get("gssapiauthentication") == "yes",
    )
    return replace(settings, proxy_command=_expanded(_unless_none(first.get("proxycommand", "")), settings))


def _options(text: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    every: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        every.setdefault(key.lower(), []).append(value.strip())
    return {key: values[0] for key, values in every.items()}, every


def _from_defaults(target: Target) -> Settings:
    return Settings(
        name=target.name,
        hostname=target.host or target.name,
        port=target.port or 22,
        user=target.user or getpass.getuser(),
        identities=_existing(_DEFAULT_KEYS),
        user_known_hosts=_files("~/.ssh/known_hosts"),
        global_known_hosts=_files("/etc/ssh/ssh_known_hosts"),
    )


def _existing(names: Sequence[str]) -> tuple[Path, ...]:
    return tuple(path for path in _paths(names) if path.is_file())


def _missing(names: Sequence[str]) -> tuple[Path, ...]:
    """Return the key files that are not there, but for those that ssh tries by itself."""
    usual = Path("~/.ssh").expanduser()
    return tuple(p for p in _paths(names) if not p.exists() and not (p.parent == usual and p.name in _USUAL_KEYS))


def _paths(names: Sequence[str]) -> list[Path]:
    return list(dict.fromkeys(Path(name.strip('"')).expanduser() for name in names if name and name != "none"))


def _files(value: str) -> tuple[Path, ...]:
    """Several files stand on one line; ssh prints no quotes around names with blanks."""
    whole = Path(value).expanduser()
    if whole.is_file():
        return (whole,)
    return tuple(Path(name).expanduser() for name in value.split() if name != "none")


def _hops(value: str) -> tuple[str, ...]:
    return tuple(hop for hop in _unless_none(value).split(",") if hop)


def _timeout(value: str) -> float:
    return float(value) if value.isdigit() and int(value) else 10.0


def _unless_none(value: str) -> str:
    return "" if value == "none" else value


def _expanded(command: str, settings: Settings) -> str:
    """Expand the tokens of a ProxyCommand; the values passed `checked` or are quoted."""
    tokens: Mapping[str, str] = {
        "%": "%",
        "h": shlex.quote(settings.hostname),
        "p": str(settings.port),
        "r": shlex.quote(settings.user),
        "n": shlex.quote(settings.name),
        "k": shlex.quote(settings.host_key_alias or settings.hostname),
        "u": shlex.quote(getpass.getuser()),
        "d": shlex.quote(str(Path.home())),
    }
    return re.sub("%(.)", lambda match: tokens.get(match[1], match[0]), command)
