# shellcheck shell=bash
# A router of the kernel between two namespaces; sourced by ../run, which sets what shellcheck misses here.
# shellcheck disable=SC2154
#
# The sender, the two links and the router run on one core. What the router costs is the difference to packets that are dropped as
# they come out of the first link.

prefix=vnetsim$$
vm1=$prefix-vm1 hub=$prefix-hub vm2=$prefix-vm2
PORT=9
ANSWERED=4242 UNANSWERED=4243 # the sender's own ports

remove_namespaces() {
    for namespace in "$vm1" "$hub" "$vm2"; do ip netns delete "$namespace" 2>/dev/null || true; done
}

prepare_linux() {
    [ "$(id -u)" -eq 0 ] || { say "namespaces need root"; return 1; }
    has ip iproute2 || return 1
    has nft nftables || return 1
    has gcc gcc || return 1
    echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || install libc6-dev || return 1
    gcc -O2 -Wall -Wextra -o "$work/blast" "$here/linux/blast.c" || return 1
    cleanups+=(remove_namespaces)
    build_way || { say "this kernel does not let us make namespaces with veth and nftables"; return 1; }
}

# vm1 10.1.0.4 -- 10.1.0.1 hub 10.2.0.1 -- 10.2.0.4 vm2
build_way() {
    for namespace in "$vm1" "$hub" "$vm2"; do
        ip netns add "$namespace" && ip -n "$namespace" link set lo up || return 1
    done
    ip link add eth0 netns "$vm1" type veth peer name spoke1 netns "$hub" &&
        ip link add spoke2 netns "$hub" type veth peer name eth0 netns "$vm2" || return 1
    address "$vm1" eth0 10.1.0.4/16 && address "$hub" spoke1 10.1.0.1/16 &&
        address "$hub" spoke2 10.2.0.1/16 && address "$vm2" eth0 10.2.0.4/16 || return 1
    ip -n "$vm1" route add default via 10.1.0.1 && ip -n "$vm2" route add default via 10.2.0.1 || return 1
    routes | ip -n "$hub" -batch - || return 1
    ip netns exec "$hub" sysctl -qw net.ipv4.ip_forward=1 || return 1
    drop_as_it_enters "$vm2" eth0
}

address() { # NAMESPACE LINK ADDRESS
    ip -n "$1" address add "$3" dev "$2" && ip -n "$1" link set "$2" up
}

# With the two of the links, 400.
routes() {
    for i in $(seq 0 198); do printf 'route add blackhole 172.16.%s.0/24\nroute add blackhole 172.17.%s.0/24\n' "$i" "$i"; done
}

drop_as_it_enters() { # NAMESPACE LINK
    ip netns exec "$1" nft "add table netdev end;
        add chain netdev end in { type filter hook ingress device $2 priority 0; };
        add rule netdev end in udp dport $PORT drop"
}

# The deciding rule is the last of COUNT, as in ours; each one before it is left at its first field.
rules() { # COUNT [conntrack]
    local i connections=''
    [ -z "${2:-}" ] || connections='ct state established accept;'
    echo "table ip way { chain forward { type filter hook forward priority 0; policy drop; $connections"
    for i in $(seq $(($1 - 1))); do
        echo "ip saddr 172.$((i / 250)).$((i % 250)).0/24 ip daddr 10.2.0.0/16 udp dport $((1000 + i)) drop;"
    done
    echo 'ip saddr 10.0.0.0/8 accept; }; }'
}

blast() { # NAMESPACE ADDRESS PORT SECONDS OWN-PORT
    measured ip netns exec "$1" "$work/blast" "${@:2}"
}

received() { ip netns exec "$vm2" cat /sys/class/net/eth0/statistics/rx_packets; }

# Sends for a while and prints nanoseconds per packet. Fails unless all but a few packets met the end that they should.
send() { # passed|dropped OWN-PORT
    local before passed ns sent
    before=$(received)
    read -r ns sent < <(blast "$vm1" 10.2.0.4 "$PORT" "$SECONDS_EACH" "$2")
    sleep 0.1
    passed=$(($(received) - before))
    case $1 in
        passed) [ $passed -ge $((sent * 95 / 100)) ] ;;
        dropped) [ $passed -le $((sent * 5 / 100)) ] ;;
    esac || { say "of $sent packets $passed came through, but they should have been $1"; return 1; }
    echo "$ns"
}

send_through() { # COUNT [conntrack]
    rules "$@" | ip netns exec "$hub" nft -f -
    send passed "$UNANSWERED"
    ip netns exec "$hub" nft flush ruleset
}

# After an answer has been seen nothing but `established` lets packets pass.
send_established() {
    local chain='table ip way { chain forward { type filter hook forward priority 0; policy drop; ct state established accept;'
    echo "$chain ct state new accept; }; }" | ip netns exec "$hub" nft -f -
    blast "$vm1" 10.2.0.4 "$PORT" 0.01 "$ANSWERED" >/dev/null
    blast "$vm2" 10.1.0.4 "$ANSWERED" 0.01 "$PORT" >/dev/null
    echo "flush ruleset; $chain }; }" | ip netns exec "$hub" nft -f -
    send passed "$ANSWERED"
    ip netns exec "$hub" nft flush ruleset
}

round_linux() {
    local links forwarding established count
    drop_as_it_enters "$hub" spoke1
    links=$(send dropped "$UNANSWERED")
    ip netns exec "$hub" nft flush ruleset
    forwarding=$(send passed "$UNANSWERED")
    established=$(send_established)
    echo "$1 links-alone sender_and_links $links"
    for count in 20 200; do
        time_ours "$1" $count
        hop "$1" $count without_rules "$forwarding"
        hop "$1" $count rules "$(send_through $count)"
        hop "$1" $count conntrack,established "$established"
        hop "$1" $count conntrack,new_and_rules "$(send_through $count conntrack)"
    done
}

hop() { # ROUND RULES NAME NANOSECONDS
    awk -v links="$links" -v all="$4" -v row="$1 path-$2 one_hop,$3" 'BEGIN { print row, all - links }'
}
