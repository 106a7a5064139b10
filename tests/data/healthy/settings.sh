# Settings that hardening guides and load balancers ask for, with symmetric routes; an idle vxlan device;
# a container with a second NIC; no container running on vm3; a route by a nexthop object
sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1
sysctl -qw net.ipv4.conf.br0.rp_filter=1 net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.all.log_martians=1
ip link add flannel.1 type vxlan id 1 local $ADDRESS dev eth0 dstport 8472 nolearning
ip address add $BASE.0/32 dev flannel.1
ip link set flannel.1 up mtu 1450
ip link add mgmt type bridge
ip link set mgmt up
ip link add veth-c1-m type veth peer name net1 netns c1
ip link set veth-c1-m master mgmt up
ip -n c1 address add 192.168.77.$N/24 dev net1
ip -n c1 link set net1 up
if [ $N = 3 ]; then
    ip link del veth-c1
    ip link del veth-c1-m
    ip link del veth-c2
fi
if [ $N = 1 ]; then
    ip nexthop add id 7 via 10.5.7.61 dev eth0
    ip route del 10.239.1.0/24
    ip route add 10.239.1.0/24 nhid 7 proto static
fi
