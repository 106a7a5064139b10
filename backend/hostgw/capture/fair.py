"""A lock that is handed to whoever waits: Python's own goes back to a thread that asks again at once."""

from __future__ import annotations

import threading


class FairLock:
    """Two locks in a row. Who waits for the second holds the first, so that the last holder must queue behind."""

    def __init__(self) -> None:
        self._next, self._held = threading.Lock(), threading.Lock()

    def __enter__(self) -> None:
        with self._next:
            self._held.acquire()

    def __exit__(self, *_: object) -> None:
        self._held.release()
