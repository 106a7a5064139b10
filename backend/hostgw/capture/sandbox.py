"""Starts a program that reads hostile bytes with as few rights as we can take from it."""

from __future__ import annotations

import os
import shutil
import subprocess

MEMORY = 2 << 30
NICE = "10"
"""Behind ours and the screen: names and details of packets can wait, packets cannot."""
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
"""No home: no profile, no personal Lua script, nothing of the operator's."""


def start(argv: list[str]) -> subprocess.Popen[bytes]:
    """Start a filter program between pipes: as nobody when we are root, no new privileges, bounded memory, no files.

    Raises:
        OSError: the program is not there.
    """
    path = shutil.which(argv[0])
    if path is None:
        raise FileNotFoundError(f"{argv[0]} is not installed")
    return subprocess.Popen(
        [*wrapper(), path, *argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
        bufsize=1 << 16,
    )


def wrapper() -> list[str]:
    """Return the commands that step back, drop privileges and set limits, as far as this system has them."""
    found = [nice, "-n", NICE] if (nice := shutil.which("nice")) else []
    setpriv, prlimit = shutil.which("setpriv"), shutil.which("prlimit")
    if setpriv:
        found += [setpriv, "--no-new-privs"]
        if os.geteuid() == 0:
            found += ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    if prlimit:
        found += [prlimit, f"--as={MEMORY}", "--fsize=0", "--core=0", "--nofile=64"]
    return found
