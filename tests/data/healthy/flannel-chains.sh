# flanneld 0.26, backend host-gw, iptables mode: chains of its own, and its subnet.env
mkdir -p /run/flannel
printf 'FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%s.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\n' $NETWORK $BASE > /run/flannel/subnet.env
iptables-restore <<END
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s $NETWORK -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d $NETWORK -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s $SUBNET -d $NETWORK -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s $NETWORK -d $SUBNET -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s $NETWORK -d $SUBNET -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s $NETWORK ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s $NETWORK -d $NETWORK -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
END
