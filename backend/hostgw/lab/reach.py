"""Ways into a lab's network for a process of the real machine: one TCP stream, or the whole process."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import Final

from hostgw.errors import LabError
from hostgw.lab.lab import Lab, load
from hostgw.lab.namespaces import enter, inside

_CHUNK: Final = 1 << 16
_LIMIT: Final = 20.0


def enter_operator(name: str = "demo") -> Lab:
    """Move the calling process into a lab's operator namespace; call it before threads start. Raises LabError."""
    lab = load(name)
    try:
        enter(lab.netns("operator"))
    except OSError as error:
        raise LabError(f"the operator of lab {name} cannot be entered", str(error), "run it with sudo") from error
    return lab


def open_stream(name: str, host: str, port: int) -> socket.socket:
    """A TCP connection made inside the operator namespace; `host` is a name of the lab or an address."""
    lab = load(name)
    address = {each.name: each.address for each in lab.hosts}.get(host, host)
    try:
        with inside(lab.netns("operator")):
            return socket.create_connection((address, port), timeout=_LIMIT)
    except OSError as error:
        raise LabError(f"no connection to {host} port {port} in lab {name}", str(error)) from error


def connect(name: str, host: str, port: int, source: int = 0, target: int = 1) -> None:
    """Pass bytes between two descriptors and host:port until both ways have ended; raises LabError.

    An end of file on one way closes that way only.
    """
    with open_stream(name, host, port) as stream:
        stream.settimeout(None)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        outward = threading.Thread(target=_outward, args=(stream, target), daemon=True)
        outward.start()
        _inward(source, stream)
        outward.join()


def _inward(source: int, stream: socket.socket) -> None:
    with suppress(OSError):
        while data := os.read(source, _CHUNK):
            stream.sendall(data)
    with suppress(OSError):
        stream.shutdown(socket.SHUT_WR)


def _outward(stream: socket.socket, target: int) -> None:
    with suppress(OSError):
        while data := stream.recv(_CHUNK):
            _write(target, data)
    os.close(target)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
