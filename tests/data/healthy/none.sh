# No NAT at all: the containers' addresses are routed by the site's own routers
iptables -w -t nat -F
