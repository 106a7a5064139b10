# The four rules as an administrator writes them with nft; no iptables anywhere
nft flush ruleset
nft -f - <<END
table ip containers {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr $NETWORK ip daddr $NETWORK accept
		ip saddr $NETWORK ip daddr != 224.0.0.0/4 masquerade
		ip saddr != $NETWORK ip daddr $SUBNET accept
		ip saddr != $NETWORK ip daddr $NETWORK masquerade
	}
}
END
