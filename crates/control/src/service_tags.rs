//! What service tags mean to a NIC: `VirtualNetwork` differs from subnet to subnet (T-1, T-2), `Internet` is a list (T-6),
//! `AzureLoadBalancer` one address (T-7).

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use fib::{AddressSet, Ranges};
use ipnet::Ipv4Net;
use model::address::{HOST_ADDRESS, METADATA_ADDRESS};
use model::options::{InternetTag, UdrInVnetTag};
use model::{NextHopType, RouteSource, RouteState, VnetId};

use crate::snapshot::{AZURE_LOAD_BALANCER, EffectiveRoute, INTERNET, TagView, VIRTUAL_NETWORK};
use crate::wiring::Wiring;

/// The tag view of the NICs with these effective routes; the previous one, if it is the same.
pub(crate) fn tag_view(
    wiring: &Wiring<'_>,
    vnet: VnetId,
    routes: &[EffectiveRoute],
    previous: Option<&Arc<TagView>>,
) -> Arc<TagView> {
    let virtual_network = virtual_network_tag(wiring, vnet, routes);
    let difference;
    let internet = match wiring.network.options.internet_tag {
        InternetTag::Recorded => &*RECORDED_INTERNET,
        InternetTag::MinusVirtualNetwork => {
            difference = PUBLIC_SPACE.difference(&virtual_network);
            &difference
        }
    };
    if let Some(old) = previous
        && old.virtual_network == virtual_network
        && old.internet == *internet
    {
        return Arc::clone(old);
    }
    let classes = classes(&[
        (&virtual_network, VIRTUAL_NETWORK),
        (internet, INTERNET),
        (&Ipv4Net::from(HOST_ADDRESS).into(), AZURE_LOAD_BALANCER),
    ]);
    Arc::new(TagView {
        classes,
        internet: internet.clone(),
        virtual_network,
    })
}

/// T-1: own space, peers that this side lets in, what gateways know, the host's address, and the prefixes of the subnet's user routes.
fn virtual_network_tag(wiring: &Wiring<'_>, vnet: VnetId, routes: &[EffectiveRoute]) -> AddressSet {
    let network = wiring.network;
    let own = &network.virtual_networks()[vnet];
    let peers = own.peerings.iter().copied().filter(|&link| {
        // F-2: the flag on the own link edits the own tag, and nothing else.
        wiring.is_connected(link) && network.peerings()[link].flags.allow_virtual_network_access
    });
    let peers = peers.flat_map(|link| &network.peerings()[link].remote_address_space);
    // T-5
    let grouped = wiring.grouped(vnet);
    let grouped =
        grouped.flat_map(|other| network.virtual_networks()[other].address_space.prefixes());
    let from_routes = routes
        .iter()
        .filter(|row| counts(row, network.options.udr_in_vnet_tag));
    let from_routes = from_routes.flat_map(|row| &row.prefixes);
    own.address_space
        .prefixes()
        .iter()
        .chain(peers)
        .chain(grouped)
        .chain(from_routes)
        .copied()
        .chain([HOST_ADDRESS.into()])
        .collect()
}

/// T-1 c, d and f; T-3: every user route counts, whatever its next hop, unless the option says otherwise.
fn counts(row: &EffectiveRoute, udr: UdrInVnetTag) -> bool {
    match row.source {
        RouteSource::User => match (udr, row.next_hop_type) {
            (UdrInVnetTag::All, _)
            | (
                UdrInVnetTag::ApplianceAndGateway,
                NextHopType::VirtualAppliance | NextHopType::VirtualNetworkGateway,
            ) => true,
            (UdrInVnetTag::ApplianceAndGateway, _) => false,
        },
        RouteSource::VirtualNetworkGateway => row.state == RouteState::Active,
        RouteSource::Default => false,
    }
}

/// Class bits of every address: a walk over the ends of all ranges, at each of which one bit turns.
fn classes(sets: &[(&AddressSet, u8)]) -> Ranges<u32> {
    let count: usize = sets.iter().map(|(set, _)| set.ranges().len()).sum();
    let mut turns: Vec<(u32, u32)> = Vec::with_capacity(2 * count);
    for &(set, bit) in sets {
        for range in set.ranges() {
            turns.push((*range.start(), 1 << bit));
            turns.extend(range.end().checked_add(1).map(|behind| (behind, 1 << bit)));
        }
    }
    turns.sort_by_key(|&(start, _)| start); // a few ascending runs, which are merged
    let mut mask = 0;
    let steps = turns.into_iter().map(|(start, bit)| {
        mask ^= bit;
        (start, mask)
    });
    Ranges::from_steps(0, steps.collect::<Vec<_>>())
}

/// Addresses of the tags that stand for the platform itself and need no file (S-26); `None` for any other tag.
pub(crate) fn platform_tag(name: &str) -> Option<Ipv4Addr> {
    const TAGS: [(&str, Ipv4Addr); 2] = [
        ("AzurePlatformDNS", HOST_ADDRESS),
        ("AzurePlatformIMDS", METADATA_ADDRESS),
    ];
    TAGS.iter()
        .find(|(tag, _)| tag.eq_ignore_ascii_case(name))
        .map(|&(_, address)| address)
}

/// What the `Internet` tag leaves out in a recording of 2021 (github.com/myers-dev/NSG at 87ad5052, `output/scenario1/hub-vnet-vm`): the
/// complement of the 257 prefixes that eight effective-NSG answers list, the same in each whatever the topology and the user routes.
#[rustfmt::skip]
const NOT_INTERNET_2021: [&str; 62] = [
    "0.0.0.0/8", "10.0.0.0/8", "13.96.0.0/13", "20.35.252.0/22", "20.128.0.0/16", "20.130.0.0/16", "20.144.0.0/14",
    "20.176.0.0/13", "21.0.0.0/8", "22.0.0.0/8", "23.103.0.0/18", "25.0.0.0/16", "25.4.0.0/14", "25.28.0.0/14",
    "25.33.0.0/16", "25.41.0.0/20", "25.48.0.0/12", "25.64.0.0/10", "25.128.0.0/14", "25.142.0.0/15",
    "25.144.0.0/12", "25.160.0.0/11", "25.192.0.0/11", "25.224.0.0/12", "25.244.0.0/14", "25.248.0.0/15",
    "25.250.0.0/18", "25.250.64.0/20", "25.250.80.0/22", "25.250.84.0/23", "25.251.0.0/16", "25.252.0.0/15",
    "25.254.0.0/21", "25.254.8.0/24", "25.254.16.0/20", "25.254.64.0/18", "25.254.128.0/17", "25.255.0.0/16",
    "40.66.128.0/17", "40.108.0.0/17", "40.109.0.0/16", "52.132.0.0/14", "52.145.0.0/16", "100.64.0.0/10",
    "104.146.0.0/17", "104.147.0.0/16", "104.212.36.0/22", "104.212.52.0/22", "127.0.0.0/8", "129.75.0.0/16",
    "134.177.0.0/16", "138.196.0.0/16", "141.251.0.0/16", "146.147.0.0/16", "157.59.0.0/16", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.2.0/24", "192.32.0.0/16", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
];

/// Space that is not public: private use, loopback, link-local, shared address space, multicast and above, and the host's address (T-6).
const NOT_PUBLIC: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "168.63.129.16/32",
    "224.0.0.0/3",
];

/// The `Internet` tag as recorded: 257 prefixes.
static RECORDED_INTERNET: LazyLock<AddressSet> = LazyLock::new(|| all_but(&NOT_INTERNET_2021));

/// Public space: the `Internet` tag of the formula (T-6) before a NIC's `VirtualNetwork` tag is taken out.
pub(crate) static PUBLIC_SPACE: LazyLock<AddressSet> = LazyLock::new(|| all_but(&NOT_PUBLIC));

fn all_but(prefixes: &[&str]) -> AddressSet {
    let left_out: AddressSet = prefixes
        .iter()
        .map(|prefix| {
            prefix
                .parse::<Ipv4Net>()
                .expect("the lists above hold prefixes")
        })
        .collect();
    left_out.complement()
}
