# vm3 stands in another segment, 10.6.0.0/24, and is reached by a tunnel; the others by plain routes
tunnel=$TUNNEL
ip link add $tunnel type vxlan id 1 local $([ $N = 3 ] && echo 10.6.0.62 || echo $ADDRESS) dstport 8472 nolearning
if [ $N = 3 ]; then
    ip address flush dev eth0
    ip address add 10.6.0.62/24 dev eth0
    ip route add default via 10.6.0.1 dev eth0
fi
ip link set $tunnel address 02:6c:99:00:00:0$N mtu 1450
ip link set $tunnel up
for other in 1 2 3; do
    [ $other != $N ] && { [ $other = 3 ] || [ $N = 3 ]; } || continue
    far=10.5.7.$((59 + other))
    [ $other != 3 ] || far=10.6.0.62
    mac=02:6c:99:00:00:0$other
    base=10.239.$((other - 1))
    ip route del $base.0/24 2>/dev/null || true
    bridge fdb append $mac dev $tunnel dst $far self permanent
    case $tunnel in
    flannel.1) # flanneld 0.26, backend vxlan with DirectRouting
        ip neigh add $base.0 lladdr $mac dev $tunnel nud permanent
        ip route add $base.0/24 via $base.0 dev $tunnel onlink ;;
    vxlan.calico) # Calico 3.28, VXLANMode CrossSubnet
        ip neigh add $base.254 lladdr $mac dev $tunnel nud permanent
        ip route add $base.0/24 via $base.254 dev $tunnel proto 80 onlink ;;
    *) # kube-router 2.1, overlay for other subnets: a device per peer, and a table of its own for the peers' addresses
        for last in 2 3; do ip neigh add $base.$last lladdr $mac dev $tunnel nud permanent; done
        ip route add $base.0/24 dev $tunnel proto 17 src $([ $N = 3 ] && echo 10.6.0.62 || echo $ADDRESS)
        ip route add $far dev $tunnel table 77
        ip rule list priority 32764 | grep -q . || ip rule add from $SUBNET table 77 priority 32764 ;;
    esac
done
case $tunnel in
flannel.1) ip address add $BASE.0/32 dev $tunnel ;;
vxlan.calico) ip address add $BASE.254/32 dev $tunnel ;;
esac
