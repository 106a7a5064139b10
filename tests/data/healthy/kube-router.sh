# kube-router 2.1 without an overlay: kube-bridge with hairpin, routes by BGP (proto 17), table 77 for what pods send,
# masquerading by ipsets, network policies: both pods are targets of one that lets pods of the network in.
# Its sets are made before.
ip link set br0 down
ip link set br0 name kube-bridge
ip link set kube-bridge up
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || sysctl -qw net.bridge.bridge-nf-call-iptables=1
for port in veth-c1 veth-c2; do bridge link set dev $port hairpin on; done
if ip link add kube-dummy-if type dummy 2>/dev/null; then # not every kernel has dummies
    ip link set kube-dummy-if up
    ip address add 10.96.0.1/32 dev kube-dummy-if
fi
sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
for other in 1 2 3; do
    [ $other = $N ] || ip route replace 10.239.$((other - 1)).0/24 via 10.5.7.$((59 + other)) dev eth0 proto 17
done
ip rule add from $SUBNET lookup 77 priority 32765
iptables-restore <<END
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-ROUTER-INPUT - [0:0]
:KUBE-ROUTER-FORWARD - [0:0]
:KUBE-ROUTER-OUTPUT - [0:0]
:KUBE-NWPLCY-COMMON - [0:0]
:KUBE-NWPLCY-DEFAULT - [0:0]
:KUBE-NWPLCY-AAAABBBBCCCCDDDD - [0:0]
:KUBE-POD-FW-C1AAAAAAAAAAAAAA - [0:0]
:KUBE-POD-FW-C2AAAAAAAAAAAAAA - [0:0]
-A INPUT -m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-INPUT
-A FORWARD -m comment --comment "kube-router netpol - TEMCG2JMHZYE7H7T" -j KUBE-ROUTER-FORWARD
-A FORWARD -o eth0 -m comment --comment "allow outbound node port traffic on node interface with which node ip is associated" -j ACCEPT
-A FORWARD -o kube-bridge -m comment --comment "allow inbound traffic to pods" -j ACCEPT
-A FORWARD -i kube-bridge -m comment --comment "allow outbound traffic from pods" -j ACCEPT
-A OUTPUT -m comment --comment "kube-router netpol - VEAAIY32XVBHCSCY" -j KUBE-ROUTER-OUTPUT
-A KUBE-ROUTER-INPUT -d 10.96.0.0/12 -m comment --comment "allow traffic to primary/secondary cluster IP range - TZZOAXOCHPHEHX7M" -j RETURN
-A KUBE-ROUTER-INPUT -p tcp -m comment --comment "allow LOCAL TCP traffic to node ports - LR7XO7NXDBGQJD2M" -m addrtype --dst-type LOCAL -m multiport --dports 30000:32767 -j RETURN
-A KUBE-ROUTER-INPUT -p udp -m comment --comment "allow LOCAL UDP traffic to node ports - 76UCBPIZNGJNWNUZ" -m addrtype --dst-type LOCAL -m multiport --dports 30000:32767 -j RETURN
$(for c in 1 2; do
pod=$BASE.$((c + 1))
fw=KUBE-POD-FW-C${c}AAAAAAAAAAAAAA
cat <<CHAIN
-A KUBE-ROUTER-INPUT -s $pod/32 -m comment --comment "rule to jump traffic from POD name:c$c namespace: default to chain $fw" -j $fw
-A KUBE-ROUTER-FORWARD -s $pod/32 -m physdev --physdev-is-bridged -m comment --comment "rule to jump traffic from POD name:c$c namespace: default to chain $fw" -j $fw
-A KUBE-ROUTER-FORWARD -d $pod/32 -m physdev --physdev-is-bridged -m comment --comment "rule to jump traffic destined to POD name:c$c namespace: default to chain $fw" -j $fw
-A KUBE-ROUTER-FORWARD -d $pod/32 -m comment --comment "rule to jump traffic destined to POD name:c$c namespace: default to chain $fw" -j $fw
-A KUBE-ROUTER-FORWARD -s $pod/32 -m comment --comment "rule to jump traffic from POD name:c$c namespace: default to chain $fw" -j $fw
-A KUBE-ROUTER-OUTPUT -d $pod/32 -m comment --comment "rule to jump traffic destined to POD name:c$c namespace: default to chain $fw" -j $fw
-A KUBE-ROUTER-OUTPUT -s $pod/32 -m comment --comment "rule to jump traffic from POD name:c$c namespace: default to chain $fw" -j $fw
-A $fw -m comment --comment "rule for stateful firewall for pod" -j KUBE-NWPLCY-COMMON
-A $fw -d $pod/32 -m comment --comment "rule to permit the traffic traffic to pods when source is the pod's local node" -m addrtype --src-type LOCAL -j ACCEPT
-A $fw -m comment --comment "run through nw policy from-pods" -j KUBE-NWPLCY-AAAABBBBCCCCDDDD
-A $fw -s $pod/32 -m comment --comment "run through default egress network policy  chain" -j KUBE-NWPLCY-DEFAULT
-A $fw -m comment --comment "rule to log dropped traffic POD name:c$c namespace: default" -m mark ! --mark 0x10000/0x10000 -m limit --limit 10/min --limit-burst 10 -j NFLOG --nflog-group 100
-A $fw -m comment --comment "rule to REJECT traffic destined for POD name:c$c namespace: default" -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable
-A $fw -j MARK --set-xmark 0x0/0x10000
-A $fw -m comment --comment "set mark to ACCEPT traffic that comply to network policies" -j MARK --set-xmark 0x20000/0x20000
CHAIN
done)
-A KUBE-ROUTER-INPUT -m comment --comment "rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT
-A KUBE-ROUTER-FORWARD -m comment --comment "rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT
-A KUBE-ROUTER-OUTPUT -m comment --comment "rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT
-A KUBE-NWPLCY-COMMON -m comment --comment "rule to drop invalid state for pod" -m conntrack --ctstate INVALID -j DROP
-A KUBE-NWPLCY-COMMON -m comment --comment "rule for stateful firewall for pod" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-NWPLCY-COMMON -p icmp -m comment --comment "allow icmp echo requests" -m icmp --icmp-type 8 -j ACCEPT
-A KUBE-NWPLCY-COMMON -p icmp -m comment --comment "allow icmp destination unreachable messages" -m icmp --icmp-type 3 -j ACCEPT
-A KUBE-NWPLCY-COMMON -p icmp -m comment --comment "allow icmp ttl exceeded messages" -m icmp --icmp-type 11 -j ACCEPT
-A KUBE-NWPLCY-DEFAULT -m comment --comment "rule to mark traffic matching a network policy" -j MARK --set-xmark 0x10000/0x10000
-A KUBE-NWPLCY-AAAABBBBCCCCDDDD -m comment --comment "rule to ACCEPT traffic from source pods to dest pods selected by policy name from-pods namespace default" -m set --match-set KUBE-SRC-AAAABBBBCCCCDDDD src -m set --match-set KUBE-DST-AAAABBBBCCCCDDDD dst -j MARK --set-xmark 0x10000/0x10000
-A KUBE-NWPLCY-AAAABBBBCCCCDDDD -m comment --comment "rule to ACCEPT traffic from source pods to dest pods selected by policy name from-pods namespace default" -m set --match-set KUBE-SRC-AAAABBBBCCCCDDDD src -m set --match-set KUBE-DST-AAAABBBBCCCCDDDD dst -m mark --mark 0x10000/0x10000 -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -m set --match-set kube-router-pod-subnets src -m set ! --match-set kube-router-pod-subnets dst -m set ! --match-set kube-router-node-ips dst -j MASQUERADE --random-fully
COMMIT
END
