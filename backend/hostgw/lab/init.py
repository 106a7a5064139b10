"""The first process of a lab host. Run as a script of its own (`python -IS init.py ORDER`), standard library only.

ORDER is a JSON file: the hosts to start. Standard input carries one byte per host once the lab is complete.
End of file before that byte ends the host: a lab whose builder died dissolves by itself. Each host answers
`ready NAME` or `failed NAME: REASON` on standard output, and is recorded in a file as `NAME PID START`.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401  (loaded now: the file system changes under this process)
import json
import os
import signal
import socket
import stat
import sys
import traceback
from pathlib import Path
from typing import IO, Any, NoReturn

NEW_NS, NEW_UTS, NEW_PID, NEW_NET = 0x00020000, 0x04000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE, MS_SHARED, MNT_DETACH = 0x1000, 0x4000, 0x80000, 0x100000, 2
PR_SET_NAME = 15
COVERED = ("/dev", "/proc", "/root", "/run", "/sys", "/tmp", "/var/lib", "/var/log", "/var/tmp")
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> None:
    """Call a libc function; raises OSError naming it when it returns -1."""
    if getattr(_libc, name)(*arguments) == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}{arguments}: {os.strerror(code)}")


def mount(source: str | None, target: str, kind: str | None, flags: int = 0, options: str = "") -> None:
    """Mount a file system; raises OSError."""
    texts = [os.fsencode(text) if text else None for text in (source, target, kind)]
    call("mount", *texts, ctypes.c_ulong(flags), options.encode() or None)


def uncover() -> None:
    """Let go of the real machine's mounts below everything that the host gets for itself."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    for point in reversed(points):
        if any(point == top or point.startswith(top + "/") for top in COVERED):
            _libc.umount2(os.fsencode(point), MNT_DETACH)


def make_etc() -> None:
    """A writable /etc over the real one; its upper layer lives in a tmpfs that is then covered."""
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    Path("/run/upper").mkdir()
    Path("/run/work").mkdir()
    mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work")
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")


def make_dev() -> None:
    """A /dev with the usual nodes and terminals of its own."""
    mount("tmpfs", "/dev", "tmpfs", 0, "mode=755")
    for name, (major, minor) in DEVICES.items():
        os.mknod(f"/dev/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
        Path("/dev", name).chmod(0o666)
    for name, target in LINKS.items():
        Path("/dev", name).symlink_to(target)
    Path("/dev/pts").mkdir()
    mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5")
    Path("/dev/shm").mkdir()
    Path("/dev/shm").chmod(0o1777)


def make_file_system() -> None:
    """All that a host has for itself: /etc, /run, /root, /var/lib, /tmp, /dev, /proc and /sys."""
    mount(None, "/", None, MS_SLAVE | MS_REC)
    uncover()
    make_etc()
    modes = {"/root": "700", "/var/lib": "755", "/var/log": "755", "/tmp": "1777", "/var/tmp": "1777"}
    for target, mode in modes.items():
        mount("tmpfs", target, "tmpfs", 0, f"mode={mode}")
    make_dev()
    mount("proc", "/proc", "proc")
    mount("sysfs", "/sys", "sysfs")


def write_files(files: dict[str, tuple[int, str]], links: dict[str, str]) -> None:
    """Write the host's own files; never through a symbolic link of the real machine."""
    for path, (mode, text) in files.items():
        file = place(path)
        file.touch(mode)
        file.chmod(mode)
        file.write_text(text, encoding="utf-8")
    for path, target in links.items():
        place(path).symlink_to(target)


def place(name: str) -> Path:
    """Make room for a new file; return its path."""
    path = Path(name)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def make_containers(names: list[str]) -> None:
    """One named network namespace per container, as `ip netns` knows them."""
    top = "/run/netns"
    Path(top).mkdir(0o755)
    # Its own shared mount, as `ip netns add` makes it: done later, by a command, it would cover the names made here.
    mount(top, top, "none", MS_BIND | MS_REC)
    mount(None, top, None, MS_SHARED | MS_REC)
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    for name in names:
        call("unshare", NEW_NET)
        os.close(os.open(f"{top}/{name}", os.O_CREAT | os.O_EXCL, 0o444))
        mount("/proc/self/ns/net", f"{top}/{name}", "none", MS_BIND)
    call("setns", home, NEW_NET)
    os.close(home)


def start_sshd(argv: list[str]) -> None:
    """Start sshd, which detaches itself; its parent's exit status is waited for."""
    pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    if os.waitpid(pid, 0)[1]:
        raise OSError(f"{argv[0]} did not start")


def set_up(host: dict[str, Any]) -> None:
    """Turn the fresh namespaces into a host."""
    os.umask(0o022)
    socket.sethostname(host["name"])
    make_file_system()
    write_files(host["files"], host["links"])
    Path("/run/sshd").mkdir(0o755)
    make_containers(host["containers"])
    start_sshd(host["sshd"])


def detach() -> None:
    """Drop every tie to the builder's terminal."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, 1024)
    os.chdir("/")


def reap() -> NoReturn:
    """Wait for children for ever, also for those that were orphaned."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigwait({signal.SIGCHLD})


def be_init(host: dict[str, Any]) -> NoReturn:
    """Life of a host's process 1; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    call("prctl", PR_SET_NAME, b"init", 0, 0, 0)
    try:
        set_up(host)
    except BaseException:  # whatever it is, the builder must hear of it
        reason = traceback.format_exc().strip().splitlines()[-1]
        os.write(1, f"failed {host['name']}: {reason}\n".encode())
        os._exit(1)
    os.write(1, f"ready {host['name']}\n".encode())
    if os.read(0, 1) != b"+":
        os._exit(0)
    detach()
    reap()


def start_time(pid: int) -> str:
    """Start time of a process in clock ticks, which with its pid names it for good."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()[19]


def start_host(host: dict[str, Any], record: IO[str]) -> int:
    """Fork a host's process 1 into namespaces of its own and record it."""
    if middle := os.fork():
        return os.waitpid(middle, 0)[1]
    os.setsid()
    call("unshare", NEW_NS | NEW_UTS | NEW_PID | NEW_NET)
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        os.read(ready, 1)
        os.close(ready)
        be_init(host)
    record.write(f"{host['name']} {pid} {start_time(pid)}\n")
    record.flush()
    os._exit(0)


def main() -> int:
    """Start every host of the order."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with Path(order["record"]).open("a", encoding="utf-8") as record:
        for host in order["hosts"]:
            if start_host(host, record):
                os.write(1, f"failed {host['name']}: its namespaces could not be made\n".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
