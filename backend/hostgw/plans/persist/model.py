"""What of a host's network shall outlive a reboot, the files as they are, and what they shall become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hostgw.model.change import FileChange
from hostgw.model.file import HostFile

NAME = "hostgw-tui"
"""By which our files are known."""
MARK = f"Written by {NAME}"


@dataclass(frozen=True, slots=True)
class Way:
    """A route to a subnet of another host."""

    dst: str
    gateway: str
    metric: int = 0
    onlink: bool = False


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """The bridge of an own subnet; `address` is with length."""

    name: str
    mac: str
    address: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of one iptables chain that are this network's, as `iptables-save` writes them."""

    backend: str
    table: str
    chain: str
    lines: tuple[str, ...]
    own: bool = False
    """The whole chain is ours, and must be made."""


@dataclass(frozen=True, slots=True)
class Nic:
    """The NIC that the routes go out of, and who configures it: its name there, where it has one."""

    name: str
    manager: str
    place: str = ""
    """Of networkd, the base name of the matching file; of netplan, its id; of NetworkManager, the connection's uuid."""
    networkd: bool = False
    """networkd does the work, whoever tells it what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be there after a reboot."""

    nic: Nic
    ways: tuple[Way, ...] = ()
    bridges: tuple[BridgeConfig, ...] = ()
    rules: tuple[Rules, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Path below /proc/sys to value."""
    modules: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """There is something to be configured with the NIC."""
        return bool(self.ways or self.bridges)


@dataclass(frozen=True, slots=True)
class Draft:
    """A change of a file, and what it is for."""

    change: FileChange
    summary: str
    mends: tuple[str, ...] = ()
    """Codes of the findings that should be gone with it."""


class Unusable(Exception):  # noqa: N818 - a reason, told as it is
    """A file cannot be changed as it is; the text says why."""


class Files:
    """The files of a host, as it told them."""

    def __init__(self, files: Iterable[HostFile], systemd: bool = False) -> None:
        self._files = {file.path: file for file in files}
        self.systemd = systemd
        """It is the host's init."""

    def text(self, path: str) -> str | None:
        """Return what a file holds; None where there is none, or none that can be read."""
        file = self._files.get(path)
        return file.text if file else None

    @property
    def all(self) -> Iterable[HostFile]:
        """All files that were asked for."""
        return self._files.values()

    def is_link(self, path: str) -> bool:
        """Tell whether there is a link instead of a file: so systemd enables units."""
        file = self._files.get(path)
        return bool(file and file.error.endswith("is a link"))

    def under(self, directory: str, ending: str = "") -> Iterator[HostFile]:
        """Yield the readable files directly in a directory, by name."""
        for path, file in sorted(self._files.items()):
            inside = path.startswith(directory) and "/" not in path[len(directory) :]
            if inside and path.endswith(ending) and file.text is not None:
                yield file

    def others(self, directory: str, ending: str = "") -> Iterator[HostFile]:
        """Yield those that are not ours."""
        return (file for file in self.under(directory, ending) if NAME not in file.path)

    def change(self, path: str, text: str | None, mode: int = 0o644) -> FileChange | None:
        """Return the change that makes `text` of a file; None where it is that already. `mode` is for a new file.

        Raises:
            Unusable: the file cannot be read, or was not asked for.
        """
        file = self._files.get(path)
        if file is None or file.error:
            raise Unusable(file.error if file else f"{path} was not read")
        if file.text == text:
            return None
        there = file.text is not None
        return FileChange(path, file.text, text, file.mode if there else mode, () if there else file.missing)
