"""The namespaces under watch: the host's own and those of its containers, as they come and go."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Dict, List, Optional

from hostgw.agent import namespaces
from hostgw.agent.netlink import NETFILTER, OWN_NSID, ROUTE, Events, Netlink
from hostgw.agent.visit import Visitor, entrance, inside
from hostgw.agent.watch import GROUPS, NFT_GROUPS, Watch

Row = Dict[str, Any]
WHOLE = 32
"""The prefix length of a single address."""


class Watches:
    """One watch per namespace, and the two sockets that hear of changes in all of them."""

    def __init__(self, emit: Callable[[Row], None]) -> None:
        """Begin with the host's own namespace; its containers follow from the first reading.

        Raises:
            OSError: there is no netlink.
        """
        self._emit = emit
        self.host = Watch(0, Netlink(), emit)
        self.host.read_namespaces = self._read_namespaces
        self.by_ns: Dict[int, Watch] = {0: self.host}
        self.events, self.nft_events = Events(ROUTE, GROUPS), Events(NETFILTER, NFT_GROUPS)
        self._by_nsid: Dict[int, Watch] = {OWN_NSID: self.host}
        self._handles = namespaces.Handles()
        self.mark_all()

    def close(self) -> None:
        """Close all sockets."""
        for watch in self.by_ns.values():
            watch.close()
        self.events.close()
        self.nft_events.close()

    def mark_all(self) -> None:
        """Have everything read again."""
        self._handles.forget_nsids()
        for watch in self.by_ns.values():
            watch.mark_all()

    def read_all(self) -> None:
        """Read everything now."""
        for watch in list(self.by_ns.values()):
            with watch.netlink.staying():
                for section in watch.sections:
                    watch.refresh_section(section)

    @property
    def complete(self) -> bool:
        """The first picture is whole."""
        return all(watch.complete for watch in self.by_ns.values())

    def next_due(self) -> Optional[float]:
        """Return when the next section has to be read."""
        times = [due for watch in self.by_ns.values() if (due := watch.next_due()) is not None]
        return min(times, default=None)

    def hear(self, now: float) -> bool:
        """Take what has happened; return False when some of it was lost."""
        messages = self.events.read()
        if messages is None:
            self.mark_all()
            return False
        for nsid, message in messages:
            if message.type in namespaces.NSID_EVENTS:
                self._handles.forget_nsids()
            watch = self._by_nsid.get(nsid)
            if watch is not None:
                watch.hear(message, now)
        return True

    def hear_nft(self, now: float) -> bool:
        """Take that rules have changed."""
        messages = self.nft_events.read()
        self.host.mark(("filters",), now)
        return messages is not None

    def refresh(self, now: float) -> None:
        """Read what is due and send what differs."""
        for watch in list(self.by_ns.values()):
            failed = sum(watch.failures.values())
            watch.refresh(now)
            if watch is self.host:
                self._follow()
            elif sum(watch.failures.values()) > failed:
                self.host.mark(("namespaces",), now)  # it went, most likely

    def _read_namespaces(self) -> List[Row]:
        held = self.host.rows.get("addresses", {}).values()
        addressed = {row["index"] for row in held if row["family"] == 4 and row["length"] < WHOLE}
        links = list(self.host.rows.get("links", {}).values())
        return namespaces.read(self.host.netlink, links, addressed, self._handles)

    def _follow(self) -> None:
        """Watch every container that came, leave those that went."""
        rows = {key[0]: row for key, row in self.host.rows.get("namespaces", {}).items() if key[0]}
        for ns in [ns for ns in self.by_ns if ns and ns not in rows]:
            self.by_ns.pop(ns).close()
        for ns, row in rows.items():
            watch = self.by_ns.get(ns)
            if watch is None:
                watch = self.by_ns[ns] = Watch(ns, Visitor(row["path"], row["inode"]), self._emit)
                watch.mark_all()
            elif isinstance(watch.netlink, Visitor):
                watch.netlink.path = row["path"]
        self._by_nsid = {OWN_NSID: self.host, **{row["nsid"]: self.by_ns[ns] for ns, row in rows.items()}}

    def inside(self, ns: int) -> ContextManager[None]:
        """Stand in a namespace for the length of a block.

        Raises:
            ValueError: there is no such namespace.
        """
        row = self._row(ns)
        return inside(row["path"], row["inode"]) if row else nullcontext()

    def entrance(self, ns: int) -> Optional[int]:
        """Open a container's namespace; None for our own.

        Raises:
            ValueError: there is no such namespace.
            OSError: it is gone.
        """
        row = self._row(ns)
        return entrance(row["path"], row["inode"]) if row else None

    def _row(self, ns: int) -> Optional[Row]:
        if ns == 0:
            return None
        row = self.host.rows.get("namespaces", {}).get((ns,))
        if row is None or ns not in self.by_ns:
            raise ValueError(f"no namespace {ns}")
        return row
