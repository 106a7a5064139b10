"""Write a capture to a new file in the working directory."""

from __future__ import annotations

import time
from pathlib import Path

from hostgw.capture.taps import Capture


def save(capture: Capture) -> tuple[str, bool]:
    """Write all kept frames as pcapng; return what to tell, and whether it went well."""
    path = Path(f"hostgw-{time.strftime('%Y%m%d-%H%M%S')}.pcapng")
    try:
        with path.open("wb") as file:
            count = capture.save(file)
    except OSError as error:
        return f"cannot write {path}: {error.strerror}", False
    return f"{count:,} frames written: {path}", True
