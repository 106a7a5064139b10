# Calico 3.28 with BIRD: no bridge; cali veths with proxy_arp and 169.254.1.1 as gateway, the own block as a blackhole,
# vxlan.calico (CrossSubnet) for a host of another segment which nobody listed; its two ipsets are made before
ip link del br0
for c in c1 c2; do
    [ $c = c1 ] && last=2 || last=3
    ip link set veth-$c nomaster
    ip link set veth-$c address ee:ee:ee:ee:ee:ee up
    sysctl -qw net.ipv4.conf.veth-$c.proxy_arp=1 net.ipv4.conf.veth-$c.rp_filter=1 net.ipv4.neigh.veth-$c.proxy_delay=0
    ip route add $BASE.$last/32 dev veth-$c scope link
    ip -n $c address flush dev eth0
    ip -n $c address add $BASE.$last/32 dev eth0
    ip -n $c route add 169.254.1.1 dev eth0 scope link
    ip -n $c route add default via 169.254.1.1 dev eth0
done
ip route add blackhole $SUBNET proto bird
for other in 1 2 3; do
    [ $other = $N ] || ip route replace 10.239.$((other - 1)).0/24 via 10.5.7.$((59 + other)) dev eth0 proto bird
done
ip link add vxlan.calico type vxlan id 4096 local $ADDRESS dev eth0 dstport 4789 nolearning
ip address add $BASE.63/32 dev vxlan.calico
ip link set vxlan.calico up mtu 1450
ip route add 10.239.9.0/26 via 10.239.9.1 dev vxlan.calico proto bird onlink
iptables-restore <<END
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:cali-PREROUTING - [0:0]
:cali-rpf-skip - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A cali-PREROUTING -m comment --comment "cali:x4XbVMc5P_kNXnTy" -j MARK --set-xmark 0x0/0xf0000
-A cali-PREROUTING -i veth+ -m comment --comment "cali:fQeZek80kVOPa0xO" -j MARK --set-xmark 0x40000/0x40000
-A cali-PREROUTING -m comment --comment "cali:xp3NolkIpulCQL_G" -m mark --mark 0x40000/0x40000 -j cali-rpf-skip
-A cali-PREROUTING -m comment --comment "cali:hxw3gmK9Sel3ZvOC" -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:cali-FORWARD - [0:0]
:cali-cidr-block - [0:0]
:cali-from-hep-forward - [0:0]
:cali-from-wl-dispatch - [0:0]
:cali-fw-c1 - [0:0]
:cali-fw-c2 - [0:0]
:cali-pri-kns.default - [0:0]
:cali-pro-kns.default - [0:0]
:cali-to-hep-forward - [0:0]
:cali-to-wl-dispatch - [0:0]
:cali-tw-c1 - [0:0]
:cali-tw-c2 - [0:0]
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FORWARD -m comment --comment "cali:mp77cMpurHhyjLrM" -j MARK --set-xmark 0x10000/0x10000
-A cali-FORWARD -m comment --comment "cali:vjrMJCRpqwy5oRoX" -j MARK --set-xmark 0x0/0xe0000
-A cali-FORWARD -m comment --comment "cali:A_sPAO0mcxbT9mOV" -m mark --mark 0x0/0x10000 -j cali-from-hep-forward
-A cali-FORWARD -i veth+ -m comment --comment "cali:8ZoYfO5HKXWbB3pk" -j cali-from-wl-dispatch
-A cali-FORWARD -o veth+ -m comment --comment "cali:jdEuaPBe14V2hutn" -j cali-to-wl-dispatch
-A cali-FORWARD -m comment --comment "cali:12bc6HljsMKsmfr-" -j cali-to-hep-forward
-A cali-FORWARD -m comment --comment "cali:NOSxoaGx8OIstr1z" -j cali-cidr-block
-A cali-from-wl-dispatch -i veth-c1 -m comment --comment "cali:zTj6P0TIgYvgz-md" -g cali-fw-c1
-A cali-from-wl-dispatch -i veth-c2 -m comment --comment "cali:zTj6P0TIgYvgz-me" -g cali-fw-c2
-A cali-from-wl-dispatch -m comment --comment "cali:zTj6P0TIgYvgz-mf" -m comment --comment "Unknown interface" -j DROP
-A cali-to-wl-dispatch -o veth-c1 -m comment --comment "cali:7KNphB1nNHw80nIO" -g cali-tw-c1
-A cali-to-wl-dispatch -o veth-c2 -m comment --comment "cali:7KNphB1nNHw80nIP" -g cali-tw-c2
-A cali-to-wl-dispatch -m comment --comment "cali:7KNphB1nNHw80nIQ" -m comment --comment "Unknown interface" -j DROP
$(for c in c1 c2; do for way in fw tw; do
[ $way = fw ] && profile=pro || profile=pri
cat <<CHAIN
-A cali-$way-$c -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A cali-$way-$c -m conntrack --ctstate INVALID -j DROP
-A cali-$way-$c -j MARK --set-xmark 0x0/0x10000
$([ $way = tw ] || echo "-A cali-fw-$c -p udp -m comment --comment \"Drop VXLAN encapped packets originating in workloads\" -m multiport --dports 4789 -j DROP
-A cali-fw-$c -p ipencap -m comment --comment \"Drop IPinIP encapped packets originating in workloads\" -j DROP")
-A cali-$way-$c -j cali-$profile-kns.default
-A cali-$way-$c -m comment --comment "Return if profile accepted" -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-$way-$c -m comment --comment "Drop if no profiles matched" -j DROP
CHAIN
done; done)
-A cali-pri-kns.default -m comment --comment "Profile kns.default ingress" -j MARK --set-xmark 0x10000/0x10000
-A cali-pri-kns.default -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-pro-kns.default -m comment --comment "Profile kns.default egress" -j MARK --set-xmark 0x10000/0x10000
-A cali-pro-kns.default -m mark --mark 0x10000/0x10000 -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:cali-POSTROUTING - [0:0]
:cali-fip-snat - [0:0]
:cali-nat-outgoing - [0:0]
-A POSTROUTING -m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING
-A cali-POSTROUTING -m comment --comment "cali:Z-c7XtVd2Bq7s_hA" -j cali-fip-snat
-A cali-POSTROUTING -m comment --comment "cali:nYKhEzDlr11Jccal" -j cali-nat-outgoing
-A cali-POSTROUTING -o vxlan.calico -m comment --comment "cali:e9dnSgSVNmIcpVhP" -m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL -j MASQUERADE --random-fully
-A cali-nat-outgoing -m comment --comment "cali:flqWnvo8yq4ULQLa" -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE --random-fully
COMMIT
END
