#!/bin/sh
# Name the Debian packages that are missing, and install them. NO_INSTALL=1 only names them.
set -eu

missing=""
need() { # need COMMAND PACKAGE
	PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need ip iproute2
need iptables iptables
need nft nftables
need tcpdump tcpdump
need tshark tshark
need sshd openssh-server
need ssh openssh-client
need conntrack conntrack
need ping iputils-ping
while [ $# -ge 2 ]; do # more of them: COMMAND PACKAGE ...
	need "$1" "$2"
	shift 2
done
case "$missing" in # from Debian 13 on, the command docker has a package of its own
*docker.io*) ! apt-cache show docker-cli >/dev/null 2>&1 || missing="$missing docker-cli" ;;
esac
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"

[ -n "$missing" ] || exit 0
echo "missing:$missing" >&2
if [ -n "${NO_INSTALL:-}" ]; then
	echo "NO_INSTALL is set: nothing is installed" >&2
	exit 1
fi
command -v apt-get >/dev/null || { echo "no apt-get here: install them by hand" >&2; exit 1; }
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"

# Debian starts a service as it is installed; nobody asked for an sshd on this machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$sudo rm -f "$policy"' EXIT INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
	$sudo apt-get update -q >/dev/null
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}
