# Several underlay addresses: a secondary address on the NIC, a keepalived /32 on one host, a second NIC on a segment
# of its own that all hosts share too
ip address add 10.5.7.$((100 + N))/24 dev eth0
[ $N != 1 ] || ip address add 10.5.7.222/32 dev eth0
ip link add eth1 link eth0 type macvlan mode bridge
ip address add 10.77.0.$N/24 dev eth1
ip link set eth1 up
