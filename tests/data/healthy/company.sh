# A host that does more than containers: a storage NIC, a VPN (tun with routes and a rule for its own table),
# an address on lo, a second Docker network with a container, and IPv6
ip link add storage0 link eth0 type macvlan mode bridge
ip address add 192.168.50.$N/24 dev storage0
ip link set storage0 up
ip route add 192.168.60.0/24 via 192.168.50.254 dev storage0
ip rule add from 192.168.50.$N table 100 priority 1000
ip route add default via 192.168.50.254 dev storage0 table 100
[ -e /dev/net/tun ] || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; }
ip tuntap add tun0 mode tun
ip address add 10.8.0.$N peer 10.8.0.254 dev tun0
ip link set tun0 up mtu 1420
ip route add 10.9.0.0/16 via 10.8.0.254 dev tun0
ip route add default dev tun0 table 51820
ip rule add fwmark 0xca6c table 51820 priority 2000
ip address add 10.100.0.$N/32 dev lo
ip link add br-4f1c2d3e4a5b type bridge
ip address add 172.18.0.1/16 dev br-4f1c2d3e4a5b
ip link set br-4f1c2d3e4a5b up
ip netns add web
ip link add veth7d1a22c type veth peer name eth0 netns web
ip link set veth7d1a22c master br-4f1c2d3e4a5b up
ip -n web address add 172.18.0.2/16 dev eth0
ip -n web link set eth0 up
ip -n web route add default via 172.18.0.1
iptables -w -t nat -I POSTROUTING -s 172.18.0.0/16 ! -o br-4f1c2d3e4a5b -j MASQUERADE
sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.all.forwarding=1
ip -6 address add fd00:5:7::$N/64 dev eth0
ip -6 address add fd00:239:$N::1/64 dev br0
ip -6 route add fd00:239:ff::/48 via fd00:5:7::99 dev eth0
