# flanneld 0.26, backend host-gw, nftables mode
mkdir -p /run/flannel
printf 'FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%s.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\n' $NETWORK $BASE > /run/flannel/subnet.env
iptables -t nat -F POSTROUTING
nft -f - <<END
table ip flannel-ipv4 {
	comment "rules for flannel-ipv4"
	chain forward {
		comment "chain to accept flannel traffic"
		type filter hook forward priority filter; policy accept;
		ip saddr $NETWORK accept
		ip daddr $NETWORK accept
	}
	chain postrtg {
		comment "chain to manage traffic masquerading by flannel"
		type nat hook postrouting priority srcnat; policy accept;
		meta mark & 0x00004000 == 0x00004000 return
		ip saddr $SUBNET ip daddr $NETWORK return
		ip saddr $NETWORK ip daddr $SUBNET return
		ip saddr != $SUBNET ip daddr $NETWORK return
		ip saddr $NETWORK ip daddr != 224.0.0.0/4 masquerade fully-random
		ip saddr != $NETWORK ip daddr $NETWORK masquerade fully-random
	}
}
END
