# kube-proxy 1.31 in iptables mode with 500 services of two endpoints, kubelet's KUBE-FIREWALL, flannel's chains
# kubeadm asks for br_netfilter, the bridge CNI turns hairpin mode on
for port in veth-c1 veth-c2; do bridge link set dev $port hairpin on; done
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || sysctl -qw net.bridge.bridge-nf-call-iptables=1
awk -v base="$BASE" -v net="$NETWORK" 'BEGIN {
  print "*filter"
  split("KUBE-EXTERNAL-SERVICES KUBE-FIREWALL KUBE-FORWARD KUBE-KUBELET-CANARY KUBE-NODEPORTS KUBE-PROXY-CANARY KUBE-PROXY-FIREWALL KUBE-SERVICES", f, " ")
  for (i in f) print ":" f[i] " - [0:0]"
  new = "-m conntrack --ctstate NEW -m comment --comment "
  print "-I INPUT -j KUBE-FIREWALL"
  print "-I INPUT " new "\"kubernetes externally-visible service portals\" -j KUBE-EXTERNAL-SERVICES"
  print "-I INPUT -m comment --comment \"kubernetes health check service ports\" -j KUBE-NODEPORTS"
  print "-I INPUT " new "\"kubernetes load balancer firewall\" -j KUBE-PROXY-FIREWALL"
  print "-I FORWARD " new "\"kubernetes externally-visible service portals\" -j KUBE-EXTERNAL-SERVICES"
  print "-I FORWARD " new "\"kubernetes service portals\" -j KUBE-SERVICES"
  print "-I FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD"
  print "-I FORWARD " new "\"kubernetes load balancer firewall\" -j KUBE-PROXY-FIREWALL"
  print "-I OUTPUT -j KUBE-FIREWALL"
  print "-I OUTPUT " new "\"kubernetes service portals\" -j KUBE-SERVICES"
  print "-I OUTPUT " new "\"kubernetes load balancer firewall\" -j KUBE-PROXY-FIREWALL"
  print "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming localnet connections\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
  print "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP"
  print "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark --mark 0x4000/0x4000 -j ACCEPT"
  print "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
  print "-A KUBE-SERVICES -d 10.96.9.9/32 -p tcp -m comment --comment \"ns/dead:http has no endpoints\" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable"
  print "COMMIT"
  print "*nat"
  split("KUBE-KUBELET-CANARY KUBE-MARK-MASQ KUBE-NODEPORTS KUBE-POSTROUTING KUBE-PROXY-CANARY KUBE-SERVICES KUBE-EXT-0", f, " ")
  for (i in f) print ":" f[i] " - [0:0]"
  for (n = 0; n < 500; n++) printf ":KUBE-SVC-%d - [0:0]\n:KUBE-SEP-%dA - [0:0]\n:KUBE-SEP-%dB - [0:0]\n", n, n, n
  print "-I PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES"
  print "-I OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES"
  print "-I POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING"
  print "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000"
  print "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN"
  print "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0"
  print "-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully"
  print "-A KUBE-NODEPORTS -p tcp -m comment --comment ns/s0:http -m tcp --dport 30080 -j KUBE-EXT-0"
  print "-A KUBE-EXT-0 -m comment --comment \"masquerade traffic for ns/s0:http external destinations\" -j KUBE-MARK-MASQ"
  print "-A KUBE-EXT-0 -j KUBE-SVC-0"
  for (n = 0; n < 500; n++) {
    ip = "10.96." int(n / 250) "." (1 + n % 250); c = "-m comment --comment \"ns/s" n ":http"
    a = base "." 2; b = "10.239." (n % 3) "." 3
    printf "-A KUBE-SERVICES -d %s/32 -p tcp %s cluster IP\" -m tcp --dport 80 -j KUBE-SVC-%d\n", ip, c, n
    printf "-A KUBE-SVC-%d ! -s %s -d %s/32 -p tcp %s cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ\n", n, net, ip, c
    printf "-A KUBE-SVC-%d %s -> %s:80\" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-%dA\n", n, c, a, n
    printf "-A KUBE-SVC-%d %s -> %s:80\" -j KUBE-SEP-%dB\n", n, c, b, n
    printf "-A KUBE-SEP-%dA -s %s/32 %s\" -j KUBE-MARK-MASQ\n-A KUBE-SEP-%dA -p tcp %s\" -m tcp -j DNAT --to-destination %s:80\n", n, a, c, n, c, a
    printf "-A KUBE-SEP-%dB -s %s/32 %s\" -j KUBE-MARK-MASQ\n-A KUBE-SEP-%dB -p tcp %s\" -m tcp -j DNAT --to-destination %s:80\n", n, b, c, n, c, b
  }
  print "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
  print "COMMIT"
}' | iptables-restore --noflush
