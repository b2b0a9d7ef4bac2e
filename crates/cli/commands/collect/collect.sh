#!/bin/sh
# Collects the networks that an az login sees into a folder that `vnetsim -t FOLDER` reads.
#
#   sh collect.sh [FOLDER]      (default: dump)
#
# It only reads: one Azure Resource Graph query, page by page, and the learned routes of virtual network gateways and route servers.
# (A route server's BGP connections, rules of firewall policies, what network managers hold, and records of private DNS zones are read too.)
# It needs az with a login; if az lacks its extension `resource-graph`, az installs it for the current user.
# `vnetsim collect --check FOLDER` then says what is missing for exact answers.
set -eu

folder=${1:-dump}
# Subscription ids, separated by blanks; empty = all that the login sees.
subscriptions='@SUBSCRIPTIONS@'

command -v az >/dev/null 2>&1 || { echo 'collect: az is not installed' >&2; exit 2; }
az account show --output none || { echo 'collect: run az login first' >&2; exit 2; }
mkdir -p "$folder"

# Runs a graph query, page by page, into FOLDER/NAME.1.json, FOLDER/NAME.2.json, ...
query() {
    name=$1
    text=$2
    page=1
    token=
    while :; do
        file=$folder/$name.$page.json
        set -- --graph-query "$text" --first 1000 --output json
        # Ids hold no blanks: the list is meant to be split.
        # shellcheck disable=SC2086
        [ -z "$subscriptions" ] || set -- "$@" --subscriptions $subscriptions
        [ -z "$token" ] || set -- "$@" --skip-token "$token"
        az graph query "$@" >"$file.part"
        mv "$file.part" "$file"
        token=$(sed -n 's/^ *"skip_token": "\(.*\)",\{0,1\}$/\1/p' "$file")
        [ -n "$token" ] || break
        page=$((page + 1))
    done
}

echo "collect: resources" >&2
rm -f "$folder"/resources.*.json
query resources "resources
| where type in~ (
    'microsoft.network/virtualnetworks',
    'microsoft.classicnetwork/virtualnetworks',
    'microsoft.network/networkinterfaces',
    'microsoft.network/networksecuritygroups',
    'microsoft.network/applicationsecuritygroups',
    'microsoft.network/routetables',
    'microsoft.network/publicipaddresses',
    'microsoft.network/loadbalancers',
    'microsoft.network/natgateways',
    'microsoft.network/virtualnetworkgateways',
    'microsoft.network/localnetworkgateways',
    'microsoft.network/connections',
    'microsoft.network/azurefirewalls',
    'microsoft.network/firewallpolicies',
    'microsoft.network/ipgroups',
    'microsoft.network/virtualnetworkappliances',
    'microsoft.network/virtualhubs',
    'microsoft.network/virtualwans',
    'microsoft.network/bastionhosts',
    'microsoft.network/privateendpoints',
    'microsoft.network/applicationgateways',
    'microsoft.network/networkmanagers',
    'microsoft.network/privatednszones',
    'microsoft.network/privatednszones/virtualnetworklinks',
    'microsoft.compute/virtualmachines',
    'microsoft.compute/virtualmachinescalesets')
| project id, name, type, kind, location, resourceGroup, subscriptionId, zones, sku, properties
| order by id asc"

list=$(mktemp)
trap 'rm -f "$list" "$list.peers"' EXIT

# each TYPE FUNCTION: calls the function for every resource of a type, with its subscription, group and name in variables.
each() {
    act=$2
    cat "$folder"/resources.*.json |
        sed -n "s/^ *\"id\": \"\(\/subscriptions\/[^\"]*\/providers\/[Mm]icrosoft\.[Nn]etwork\/$1\/[^\"\/]*\)\",\{0,1\}\$/\1/p" |
        sort -u >"$list"
    while IFS= read -r id; do
        subscription=$(echo "$id" | cut -d/ -f3)
        group=$(echo "$id" | cut -d/ -f5)
        name=$(echo "$id" | cut -d/ -f9)
        "$act"
    done <"$list"
}

# ask FILE MISSING WORDS...: the answer of az goes to the file; without one, a line says what is missing.
ask() {
    file=$1
    missing=$2
    shift 2
    if az network "$@" --subscription "$subscription" --resource-group "$group" --output json >"$file.part" </dev/null; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        echo "collect: no answer about $name; $missing" >&2
        return 1
    fi
}

# Names of what a list holds, one a line; a list that is not there has none.
names() {
    [ -f "$1" ] || return 0
    sed -n 's/^    "name": "\(.*\)",\{0,1\}$/\1/p' "$1"
}

# What gateways have learned by BGP is known to the gateways alone.
gateway() {
    echo "collect: learned routes of $name" >&2
    ask "$folder/$name.learned-routes.json" "its learned routes are missing" \
        vnet-gateway list-learned-routes --name "$name" || :
}
each 'virtual[Nn]etwork[Gg]ateways' gateway

# The graph knows neither the BGP connections of route servers nor what they have learned.
route_server() {
    # The hub of a virtual WAN has the same type and no such connections.
    peerings=$folder/$name.peerings.json
    ask "$peerings" "its BGP connections are missing" routeserver peering list --routeserver "$name" || return 0
    sed -n 's/^ *"id": "[^"]*\/bgpConnections\/\([^"\/]*\)",\{0,1\}$/\1/p' "$peerings" | sort -u >"$list.peers"
    while IFS= read -r peer; do
        echo "collect: routes that $name has learned from $peer" >&2
        ask "$folder/$name.$peer.learned-routes.json" "what $peer tells it is missing" \
            routeserver peering list-learned-routes --routeserver "$name" --name "$peer" || :
    done <"$list.peers"
}
each 'virtual[Hh]ubs' route_server

# Nor the rule collection groups of firewall policies.
policy() {
    echo "collect: rules of $name" >&2
    ask "$folder/$group.$name.rules.json" "its rules are missing" \
        firewall policy rule-collection-group list --policy-name "$name" || :
}
each '[Ff]irewall[Pp]olicies' policy

# Nor what network managers hold, and where it is deployed. Each list may be empty.
manager() {
    echo "collect: configurations of $name" >&2
    base=$folder/$group.$name
    part="a part of it is missing"
    ask "$base.groups.json" "$part" manager group list --network-manager-name "$name" || :
    names "$base.groups.json" | while IFS= read -r of; do
        ask "$base.$of.members.json" "$part" \
            manager group static-member list --network-manager-name "$name" --network-group-name "$of" || :
    done
    ask "$base.security-admin.json" "$part" manager security-admin-config list --network-manager-name "$name" || :
    names "$base.security-admin.json" | while IFS= read -r configuration; do
        ask "$base.$configuration.collections.json" "$part" manager security-admin-config rule-collection list \
            --network-manager-name "$name" --configuration-name "$configuration" || :
        names "$base.$configuration.collections.json" | while IFS= read -r collection; do
            ask "$base.$configuration.$collection.rules.json" "$part" manager security-admin-config rule-collection rule list \
                --network-manager-name "$name" --configuration-name "$configuration" --rule-collection-name "$collection" || :
        done
    done
    regions=$(sed -n 's/^ *"location": "\(.*\)",\{0,1\}$/\1/p' "$folder"/resources.*.json | sort -u)
    # Names of regions hold no blanks: the list is meant to be split.
    # shellcheck disable=SC2086
    ask "$base.deploy-status.json" "$part" manager list-deploy-status --network-manager-name "$name" \
        --deployment-types SecurityAdmin --regions $regions || :
}
each 'network[Mm]anagers' manager

# Nor the records of private DNS zones.
zone() {
    echo "collect: records of $name" >&2
    ask "$folder/$group.$name.records.json" "its records are missing" \
        private-dns record-set list --zone-name "$name" || :
}
each 'private[Dd]ns[Zz]ones' zone

echo "collect: done; next: vnetsim collect --check $folder" >&2
