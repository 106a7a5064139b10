"""The metrics over HTTP, for Prometheus to fetch."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app
from prometheus_client.core import CollectorRegistry

from hostgw.clean import clean
from hostgw.errors import UsageError

PATIENCE_S: Final = 10.0
"""Who opens a connection and says nothing for so long is cut off."""
MOST: Final = 16
"""Connections at a time."""
_REMEDY: Final = "Write it like 127.0.0.1:9188 or [::1]:9188; 'none' serves no metrics."


@dataclass(frozen=True)
class Endpoint:
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as one writes it in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Nobody reaches it from another machine."""
        return ipaddress.ip_address(self.host).is_loopback


def endpoint(text: str) -> Endpoint | None:
    """Return what ``ADDRESS:PORT`` says; None for ``none``. Port 0 takes one that is free.

    Raises:
        UsageError: it is neither; names of hosts are not looked up.
    """
    if text == "none":
        return None
    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"--listen {clean(text, 80)} names no IP address and port", "", _REMEDY) from None
    if not (port.isascii() and port.isdigit() and int(port[:9]) < 1 << 16):
        raise UsageError(f"--listen {clean(text, 80)} has no port from 0 to 65535", "", _REMEDY)
    return Endpoint(str(address), int(port))


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so above us
        """Say nothing: each scrape would be a line."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._slots = threading.BoundedSemaphore(MOST)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or close the connection when too many are being answered."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def server_bind(self) -> None:
        """Bind, and do not look up our own name: that may wait for a name server that is not there."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "hostgw", int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has gone."""


@contextmanager
def serving(registry: CollectorRegistry, where: Endpoint) -> Iterator[Endpoint]:
    """Serve the metrics while it is entered; yield where, with the port that was taken.

    Raises:
        UsageError: the address is not ours, or its port is taken or not allowed.
    """
    server = _bound(where)
    server.set_app(make_wsgi_app(registry))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="hostgw-metrics", daemon=True)
    thread.start()
    try:
        yield Endpoint(where.host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _bound(where: Endpoint) -> _Server:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    kind = type("_Server", (_Server,), {"address_family": family})
    try:
        made: _Server = kind((where.host, where.port), _Handler)
    except OSError as error:
        remedy = "Another watcher may run there: --listen names another address or port, 'none' serves no metrics."
        raise UsageError(f"cannot listen on {where}", error.strerror or str(error), remedy) from error
    return made
