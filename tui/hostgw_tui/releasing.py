"""Old pictures are let go beside the loop: to free what a great fabric was made of takes as long as to paint anew."""

from __future__ import annotations

import threading
from queue import SimpleQueue


class Releaser:
    """Takes the last reference to something, and drops it in a thread of its own."""

    def __init__(self) -> None:
        self._taken: SimpleQueue[tuple[object, ...]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def take(self, *things: object) -> None:
        """Take what nobody needs any more; whoever calls must not keep it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hostgw-releaser", daemon=True)
            self._thread.start()
        if things:
            self._taken.put(things)

    def stop(self) -> None:
        """End the thread."""
        self._taken.put(())

    def _run(self) -> None:
        while self._taken.get():  # bound to no name: it goes here
            pass
