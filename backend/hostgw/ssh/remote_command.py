"""The one command line that runs on a host: find a Python that is new enough, and start the loader in it.

It must survive login shells that are no Bourne shell: so it is one line without exclamation marks, backslashes and
newlines (csh and fish treat those even in single quotes), and the real work is done by ``sh``.
"""

from __future__ import annotations

import shlex

OLDEST = (3, 9)
NAMES = ("python3", "platform-python", *(f"python3.{minor}" for minor in range(9, 15)))
PLACES = ("/usr/libexec/platform-python",)
TOO_OLD = 97
GO, NONE = "go", "none"

LOADER = (
    f"import sys;sys.version_info<{OLDEST} and sys.exit({TOO_OLD});"
    "import io,os,zlib;"
    f'os.write(1,("%c%s {GO}%c"%(10,sys.argv[1],10)).encode());'
    'r=io.BufferedReader(io.FileIO(0,"rb",False),1).read;'
    "exec(zlib.decompress(r(int(r(8)))))"
)
"""What the host's Python runs: says the marker, reads the stage (8 digits, then so many bytes) and runs it.

The reader's buffer is one byte, so it takes nothing of what follows the stage.
"""

_VERSION = 'import sys;print("%d.%d.%d"%sys.version_info[:3])'
_NEW_ENOUGH = f"import sys;sys.exit(sys.version_info<{OLDEST})"
_FOUND = 'f="$f$p $("$p" -c "$v" 2>&1 | tail -n 1) $(command -v "$p"); "'
_PLAIN = f'"$p" -IBSu -c "$l" "$t" "$SSH_CONNECTION"; r=$?; [ $r -eq {TOO_OLD} ] || exit $r'
_SUDO = (
    'if "$p" -ISc "$n"; then '
    '[ "$(id -u)" -eq 0 ] && exec "$p" -IBSu -c "$l" "$t" "$SSH_CONNECTION"; '
    'LC_ALL=C exec sudo -S -k -p "$m" -- "$p" -IBSu -c "$l" "$t" "$SSH_CONNECTION"; fi'
)
_SCRIPT = (
    "t=$1; l=$2; v=$3; n=$4; m=$5; f=; shift 5; "
    'for p; do if command -v "$p" >/dev/null 2>&1; then {run}; {found}; fi; done; '
    'printf " %s %s" "$t" "{none} $f"; exit {too_old}'
)


def command(token: str, python: str = "", sudo_marker: str = "") -> str:
    """Return the command line. `token` marks our output, `sudo_marker` is the prompt of sudo; empty: no sudo."""
    script = _SCRIPT.format(run=_SUDO if sudo_marker else _PLAIN, found=_FOUND, none=NONE, too_old=TOO_OLD)
    candidates = [python] if python else []
    arguments = [token, LOADER, _VERSION, _NEW_ENOUGH, sudo_marker, *candidates, *NAMES, *PLACES]
    return "exec " + shlex.join(["sh", "-c", script, "sh", *arguments])
