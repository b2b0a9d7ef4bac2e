#!/bin/sh
# Collects the networks that an az login sees into a folder that `vnetsim -t FOLDER` reads.
#
#   sh collect.sh [FOLDER]      (default: dump)
#
# It only reads: one Azure Resource Graph query, page by page, and the learned routes of virtual network gateways and route servers.
# (A route server's BGP connections, what network managers hold, and the records of private DNS zones are read as well.)
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

# What gateways have learned by BGP is known to the gateways alone.
gateways=$(mktemp)
trap 'rm -f "$gateways" "$gateways.peers"' EXIT
cat "$folder"/resources.*.json |
    sed -n 's/^ *"id": "\(\/subscriptions\/[^"]*\/providers\/[Mm]icrosoft\.[Nn]etwork\/virtual[Nn]etwork[Gg]ateways\/[^"\/]*\)",\{0,1\}$/\1/p' |
    sort -u >"$gateways"
while IFS= read -r id; do
    subscription=$(echo "$id" | cut -d/ -f3)
    group=$(echo "$id" | cut -d/ -f5)
    name=$(echo "$id" | cut -d/ -f9)
    echo "collect: learned routes of $name" >&2
    file=$folder/$name.learned-routes.json
    if az network vnet-gateway list-learned-routes --subscription "$subscription" --resource-group "$group" \
        --name "$name" --output json >"$file.part" </dev/null; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        echo "collect: no answer from $name; its learned routes are missing" >&2
    fi
done <"$gateways"

# The graph knows neither the BGP connections of route servers nor what they have learned.
cat "$folder"/resources.*.json |
    sed -n 's/^ *"id": "\(\/subscriptions\/[^"]*\/providers\/[Mm]icrosoft\.[Nn]etwork\/virtual[Hh]ubs\/[^"\/]*\)",\{0,1\}$/\1/p' |
    sort -u >"$gateways"
while IFS= read -r id; do
    subscription=$(echo "$id" | cut -d/ -f3)
    group=$(echo "$id" | cut -d/ -f5)
    name=$(echo "$id" | cut -d/ -f9)
    file=$folder/$name.peerings.json
    # The hub of a virtual WAN has the same type and no such connections.
    if ! az network routeserver peering list --subscription "$subscription" --resource-group "$group" \
        --routeserver "$name" --output json >"$file.part" </dev/null; then
        rm -f "$file.part"
        echo "collect: no answer from $name; its BGP connections are missing" >&2
        continue
    fi
    mv "$file.part" "$file"
    sed -n 's/^ *"id": "[^"]*\/bgpConnections\/\([^"\/]*\)",\{0,1\}$/\1/p' "$file" | sort -u >"$gateways.peers"
    while IFS= read -r peer; do
        echo "collect: routes that $name has learned from $peer" >&2
        file=$folder/$name.$peer.learned-routes.json
        if az network routeserver peering list-learned-routes --subscription "$subscription" \
            --resource-group "$group" --routeserver "$name" --name "$peer" --output json >"$file.part" </dev/null; then
            mv "$file.part" "$file"
        else
            rm -f "$file.part"
            echo "collect: no answer about $peer; what it tells $name is missing" >&2
        fi
    done <"$gateways.peers"
done <"$gateways"

# Nor the rule collection groups of firewall policies.
cat "$folder"/resources.*.json |
    sed -n 's/^ *"id": "\(\/subscriptions\/[^"]*\/providers\/[Mm]icrosoft\.[Nn]etwork\/[Ff]irewall[Pp]olicies\/[^"\/]*\)",\{0,1\}$/\1/p' |
    sort -u >"$gateways"
while IFS= read -r id; do
    subscription=$(echo "$id" | cut -d/ -f3)
    group=$(echo "$id" | cut -d/ -f5)
    name=$(echo "$id" | cut -d/ -f9)
    echo "collect: rules of $name" >&2
    file=$folder/$group.$name.rules.json
    if az network firewall policy rule-collection-group list --subscription "$subscription" --resource-group "$group" \
        --policy-name "$name" --output json >"$file.part" </dev/null; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        echo "collect: no answer about $name; its rules are missing" >&2
    fi
done <"$gateways"

# Nor what network managers hold, and where it is deployed. Each list may be empty.
manager() {
    file=$1
    shift
    if az network manager "$@" --subscription "$subscription" --resource-group "$group" --output json >"$file.part" </dev/null; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        echo "collect: no answer to az network manager $*; a part of $name is missing" >&2
    fi
}
# Names of what a list holds, one a line; a list that is not there has none.
names() {
    [ -f "$1" ] || return 0
    sed -n 's/^    "name": "\(.*\)",\{0,1\}$/\1/p' "$1"
}
cat "$folder"/resources.*.json |
    sed -n 's/^ *"id": "\(\/subscriptions\/[^"]*\/providers\/[Mm]icrosoft\.[Nn]etwork\/network[Mm]anagers\/[^"\/]*\)",\{0,1\}$/\1/p' |
    sort -u >"$gateways"
while IFS= read -r id; do
    subscription=$(echo "$id" | cut -d/ -f3)
    group=$(echo "$id" | cut -d/ -f5)
    name=$(echo "$id" | cut -d/ -f9)
    echo "collect: configurations of $name" >&2
    base=$folder/$group.$name
    manager "$base.groups.json" group list --network-manager-name "$name"
    names "$base.groups.json" | while IFS= read -r of; do
        manager "$base.$of.members.json" group static-member list --network-manager-name "$name" --network-group-name "$of"
    done
    manager "$base.security-admin.json" security-admin-config list --network-manager-name "$name"
    names "$base.security-admin.json" | while IFS= read -r configuration; do
        manager "$base.$configuration.collections.json" security-admin-config rule-collection list \
            --network-manager-name "$name" --configuration-name "$configuration"
        names "$base.$configuration.collections.json" | while IFS= read -r collection; do
            manager "$base.$configuration.$collection.rules.json" security-admin-config rule-collection rule list \
                --network-manager-name "$name" --configuration-name "$configuration" --rule-collection-name "$collection"
        done
    done
    regions=$(sed -n 's/^ *"location": "\(.*\)",\{0,1\}$/\1/p' "$folder"/resources.*.json | sort -u)
    # Names of regions hold no blanks: the list is meant to be split.
    # shellcheck disable=SC2086
    manager "$base.deploy-status.json" list-deploy-status --network-manager-name "$name" --deployment-types SecurityAdmin --regions $regions
done <"$gateways"

# Nor the records of private DNS zones.
cat "$folder"/resources.*.json |
    sed -n 's/^ *"id": "\(\/subscriptions\/[^"]*\/providers\/[Mm]icrosoft\.[Nn]etwork\/private[Dd]ns[Zz]ones\/[^"\/]*\)",\{0,1\}$/\1/p' |
    sort -u >"$gateways"
while IFS= read -r id; do
    subscription=$(echo "$id" | cut -d/ -f3)
    group=$(echo "$id" | cut -d/ -f5)
    name=$(echo "$id" | cut -d/ -f9)
    echo "collect: records of $name" >&2
    file=$folder/$group.$name.records.json
    if az network private-dns record-set list --subscription "$subscription" --resource-group "$group" \
        --zone-name "$name" --output json >"$file.part" </dev/null; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        echo "collect: no answer about $name; its records are missing" >&2
    fi
done <"$gateways"

echo "collect: done; next: vnetsim collect --check $folder" >&2
