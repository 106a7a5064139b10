# kindnetd 1.31: no bridge; a veth per container that bears the gateway as /32, a /32 route to each container
ip link del br0
for c in c1 c2; do
    [ $c = c1 ] && last=2 || last=3
    ip link set veth-$c nomaster
    ip address add $BASE.1/32 dev veth-$c
    ip link set veth-$c up
    ip route add $BASE.$last/32 dev veth-$c scope host
    ip -n $c address flush dev eth0
    ip -n $c address add $BASE.$last/24 dev eth0
    ip -n $c route del $SUBNET dev eth0
    ip -n $c route add $BASE.1/32 dev eth0 scope link src $BASE.$last
    ip -n $c route add $SUBNET via $BASE.1 dev eth0 src $BASE.$last
    ip -n $c route add default via $BASE.1 dev eth0
done
iptables-restore <<END
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KIND-MASQ-AGENT - [0:0]
-A POSTROUTING -m addrtype ! --dst-type LOCAL -m comment --comment "kind-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom KIND-MASQ-AGENT chain" -j KIND-MASQ-AGENT
-A KIND-MASQ-AGENT -d $NETWORK -m comment --comment "kind-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN
-A KIND-MASQ-AGENT -m comment --comment "kind-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE
COMMIT
END
