# flanneld 0.26, backend vxlan with DirectRouting: hosts of this segment by plain routes, a host of another segment,
# which nobody listed, by flannel.1
ip link add flannel.1 type vxlan id 1 local $ADDRESS dev eth0 dstport 8472 nolearning
ip address add $BASE.0/32 dev flannel.1
ip link set flannel.1 up mtu 1450
ip route add 10.239.9.0/24 via 10.239.9.0 dev flannel.1 onlink
ip neigh add 10.239.9.0 lladdr 02:6c:99:00:00:09 dev flannel.1 nud permanent
bridge fdb append 02:6c:99:00:00:09 dev flannel.1 dst 10.6.0.69 self permanent
