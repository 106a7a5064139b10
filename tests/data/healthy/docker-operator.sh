# What an operator adds where dockerd rules the rules: accepts in DOCKER-USER, the exemption before Docker's MASQUERADE
iptables -w -P FORWARD DROP
iptables -w -I DOCKER-USER -s $NETWORK -d $NETWORK -j ACCEPT
iptables -w -t nat -I POSTROUTING -s $NETWORK -d $NETWORK -j RETURN
