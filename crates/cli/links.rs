//! Virtual networks and peering links by name, and the operations on links: what `peering` and `az` share.

use clap::Args;
use model::authorization::RequiredAction;
use model::lookup::similar;
use model::peering::SyncOutcome;
use model::table::Resource;
use model::{LinkId, Network, PeeringFlags, PeeringScope, PeeringSyncLevel, ResourceId, VnetId};

use crate::console::Console;
use crate::failure::Failure;

/// A link by name.
#[derive(Args, Clone, Debug)]
pub(crate) struct LinkName {
    /// Name of the link
    #[arg(short, long)]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) vnet: VnetName,
}

/// The virtual network that holds a link.
#[derive(Args, Clone, Debug)]
pub(crate) struct VnetName {
    /// Virtual network that holds the link: name or id
    #[arg(long = "vnet-name", visible_alias = "vnet", value_name = "VNET")]
    pub(crate) vnet_name: String,
    #[command(flatten)]
    pub(crate) group: GroupName,
}

/// A resource group.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GroupName {
    /// Resource group; needed only where a name is not unique. A placeholder such as `<group>` means any
    #[arg(short = 'g', long, value_name = "GROUP")]
    pub(crate) resource_group: Option<String>,
    /// Subscription id; needed only where a name is not unique. A placeholder such as `<id>` means any
    #[arg(long, value_name = "ID")]
    pub(crate) subscription: Option<String>,
}

/// The flags of a link as Azure's command line writes them: alone or with a value.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlagArguments {
    /// Remote prefixes belong to this side's `VirtualNetwork` tag
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) allow_vnet_access: Option<bool>,
    /// Packets that did not originate in the remote network may enter this one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) allow_forwarded_traffic: Option<bool>,
    /// The remote network may use this network's gateway
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) allow_gateway_transit: Option<bool>,
    /// This network uses the remote network's gateway
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) use_remote_gateways: Option<bool>,
    /// Do not check that the remote network has a gateway
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) do_not_verify_remote_gateways: Option<bool>,
}

/// Azure's command line takes these words for truth values.
pub(crate) fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

impl FlagArguments {
    /// The flags where those that are not said come from `base`.
    pub(crate) fn over(self, base: PeeringFlags) -> PeeringFlags {
        PeeringFlags {
            allow_virtual_network_access: self
                .allow_vnet_access
                .unwrap_or(base.allow_virtual_network_access),
            allow_forwarded_traffic: self
                .allow_forwarded_traffic
                .unwrap_or(base.allow_forwarded_traffic),
            allow_gateway_transit: self
                .allow_gateway_transit
                .unwrap_or(base.allow_gateway_transit),
            use_remote_gateways: self.use_remote_gateways.unwrap_or(base.use_remote_gateways),
            do_not_verify_remote_gateways: self
                .do_not_verify_remote_gateways
                .unwrap_or(base.do_not_verify_remote_gateways),
        }
    }
}

/// Subnets of a subnet peering (P-8).
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ScopeArguments {
    /// Whether whole networks are peered
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) peer_complete_vnets: Option<bool>,
    /// Own subnets that take part, if not whole networks are peered
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) local_subnet_names: Vec<String>,
    /// Remote subnets that take part, if not whole networks are peered
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) remote_subnet_names: Vec<String>,
    /// Whether only the IPv6 prefixes of those subnets take part
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = truth)]
    pub(crate) enable_only_ipv6: Option<bool>,
}

impl ScopeArguments {
    pub(crate) fn scope(&self) -> Result<PeeringScope, Failure> {
        let named = !self.local_subnet_names.is_empty() || !self.remote_subnet_names.is_empty();
        match (self.peer_complete_vnets, named) {
            (None | Some(true), false) => Ok(PeeringScope::CompleteVirtualNetworks),
            (Some(false), true) => Ok(PeeringScope::Subnets {
                local: self.local_subnet_names.clone(),
                remote: self.remote_subnet_names.clone(),
                only_ipv6: self.enable_only_ipv6.unwrap_or(false),
            }),
            (Some(false), false) => Err(Failure::Usage(
                "name the subnets that take part: --local-subnet-names and --remote-subnet-names"
                    .to_owned(),
            )),
            (None | Some(true), true) => Err(Failure::Usage(
                "subnets can be named only with --peer-complete-vnets false".to_owned(),
            )),
        }
    }
}

impl ScopeArguments {
    /// The scope that a link is to have, where what is not said stays.
    pub(crate) fn over(&self, present: &PeeringScope) -> Result<PeeringScope, Failure> {
        let unsaid = self.peer_complete_vnets.is_none()
            && self.enable_only_ipv6.is_none()
            && self.local_subnet_names.is_empty()
            && self.remote_subnet_names.is_empty();
        if unsaid {
            return Ok(present.clone());
        }
        let PeeringScope::Subnets {
            local,
            remote,
            only_ipv6,
        } = present
        else {
            return self.scope();
        };
        let or = |said: &[String], present: &[String]| {
            if said.is_empty() { present } else { said }.to_vec()
        };
        Self {
            peer_complete_vnets: self.peer_complete_vnets.or(Some(false)),
            local_subnet_names: or(&self.local_subnet_names, local),
            remote_subnet_names: or(&self.remote_subnet_names, remote),
            enable_only_ipv6: self.enable_only_ipv6.or(Some(*only_ipv6)),
        }
        .scope()
    }
}

impl GroupName {
    /// True if the resource may be meant: in the group and subscription, or any of them is meant.
    pub(crate) fn admits(&self, id: &ResourceId) -> bool {
        // `<rgn>[sandbox resource group name]</rgn>`: documents write it for a name that the reader has to fill in.
        let is_meant = |wanted: Option<&str>, actual: Option<&str>| {
            wanted
                .filter(|name| !is_placeholder(name))
                .is_none_or(|name| actual.is_some_and(|actual| actual.eq_ignore_ascii_case(name)))
        };
        is_meant(self.resource_group.as_deref(), id.resource_group())
            && is_meant(self.subscription.as_deref(), id.subscription())
    }

    fn shown(&self) -> String {
        let told = [
            ("resource group", self.resource_group.as_deref()),
            ("subscription", self.subscription.as_deref()),
        ];
        let mut shown = String::new();
        for (what, name) in told {
            if let Some(name) = name.filter(|name| !is_placeholder(name)) {
                shown.extend([" under ", what, " '", name, "'"]);
            }
        }
        shown
    }
}

fn is_placeholder(name: &str) -> bool {
    let name = name.trim();
    (name.starts_with('<') && name.ends_with('>')) || (name.starts_with('[') && name.ends_with(']'))
}

/// The one resource of a name or id.
pub(crate) fn only<'a, K: Copy, T: Resource + 'a>(
    kind: &str,
    name: &str,
    group: &GroupName,
    resources: impl Iterator<Item = (K, &'a T)>,
) -> Result<K, Failure> {
    let wanted = ResourceId::parse(name).ok();
    let resources: Vec<(K, &T)> = resources.collect();
    let found: Vec<(K, ResourceId)> = resources
        .iter()
        .filter(|(_, resource)| match &wanted {
            Some(id) => resource.id() == id,
            None => resource.name().eq_ignore_ascii_case(name) && group.admits(resource.id()),
        })
        .map(|&(key, resource)| (key, resource.id().clone()))
        .collect();
    match found.as_slice() {
        [(key, _)] => Ok(*key),
        [] => Err(Failure::Usage(format!(
            "(ResourceNotFound) The Resource '{kind}/{name}'{} was not found.{}",
            group.shown(),
            suggestion(name, resources.iter().map(|(_, resource)| resource.name()))
        ))),
        several => Err(Failure::Usage(format!(
            "'{name}' is not unique; name the resource group or use an id:{}",
            crate::topology::listed(several.iter().map(|(_, id)| id.as_str()))
        ))),
    }
}

/// A line that names what may have been meant; empty if nothing is close, or if the name is right and only its group is not.
fn suggestion<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let similar = similar(name, names);
    if similar.is_empty() || similar.iter().any(|found| found.eq_ignore_ascii_case(name)) {
        return String::new();
    }
    format!("\ndid you mean {}?", similar.join(" or "))
}

/// A virtual network by name or id.
pub(crate) fn virtual_network(
    network: &Network,
    name: &str,
    group: &GroupName,
) -> Result<VnetId, Failure> {
    only(
        "Microsoft.Network/virtualNetworks",
        name,
        group,
        network.virtual_networks().iter(),
    )
}

/// A link by name.
pub(crate) fn link(network: &Network, name: &LinkName) -> Result<LinkId, Failure> {
    let vnet = virtual_network(network, &name.vnet.vnet_name, &name.vnet.group)?;
    link_of(network, vnet, &name.name).ok_or_else(|| {
        let id = network.virtual_networks()[vnet]
            .id
            .child("virtualNetworkPeerings", &name.name);
        let names = network
            .listed_peerings_of(vnet)
            .map(|link| network.peerings()[link].name());
        Failure::NoSuchLink {
            error: model::OperationError::NotFound(id),
            suggestion: suggestion(&name.name, names),
        }
    })
}

fn link_of(network: &Network, vnet: VnetId, name: &str) -> Option<LinkId> {
    network
        .listed_peerings_of(vnet)
        .find(|&link| network.peerings()[link].name().eq_ignore_ascii_case(name))
}

/// Creates a link, or gives the link of this name the flags: a PUT does both.
pub(crate) fn put(
    network: &mut Network,
    name: &LinkName,
    remote: &str,
    flags: PeeringFlags,
    scope: PeeringScope,
) -> Result<LinkId, Failure> {
    let vnet = virtual_network(network, &name.vnet.vnet_name, &name.vnet.group)?;
    let remote = remote_network(network, vnet, remote, &name.vnet.group)?;
    let known = network.virtual_networks().find(&remote).is_some();
    match network.put_peering(vnet, &name.name, &remote, flags, scope) {
        Err(error @ model::OperationError::NotFound(_)) if !known => Err(Failure::NoSuchLink {
            error,
            suggestion: "\nthe input does not hold that network; give its files with a further -t"
                .to_owned(),
        }),
        result => Ok(result?),
    }
}

/// The remote network: an id as it is, else a name in the group of the local network before any other.
fn remote_network(
    network: &Network,
    local: VnetId,
    name: &str,
    group: &GroupName,
) -> Result<ResourceId, Failure> {
    if let Ok(id) = ResourceId::parse(name) {
        return Ok(id);
    }
    let own = &network.virtual_networks()[local].id;
    let beside = ResourceId::in_group(
        own.subscription().unwrap_or_default(),
        own.resource_group().unwrap_or_default(),
        "Microsoft.Network/virtualNetworks",
        name,
    );
    if network.virtual_networks().find(&beside).is_some() {
        return Ok(beside);
    }
    let remote = virtual_network(network, name, group)?;
    Ok(network.virtual_networks()[remote].id.clone())
}

/// Syncs a link. On the side that is not out of date Azure changes nothing and says so to nobody: we give a hint.
pub(crate) fn sync(
    network: &mut Network,
    link: LinkId,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let outcome = network.sync_peering(link)?;
    if outcome == SyncOutcome::NothingToDo(PeeringSyncLevel::RemoteNotInSync) {
        let here = &network.peerings()[link];
        let hint = match network.reverse_link(link) {
            Some(reverse) => {
                let reverse = &network.peerings()[reverse];
                format!(
                    "sync its reverse link '{}' of {} instead: it is the one that holds old prefixes",
                    reverse.name(),
                    network.virtual_networks()[reverse.virtual_network].name()
                )
            }
            None => format!(
                "its reverse link in {} does not exist yet",
                here.remote.name()
            ),
        };
        console.message(format_args!(
            "note: '{}' is up to date and nothing was changed; {hint}",
            here.name()
        ));
    }
    Ok(())
}

/// Changes flags and subnets of a link; what is not said stays.
pub(crate) fn update(
    network: &mut Network,
    link: LinkId,
    flags: FlagArguments,
    scope: &ScopeArguments,
) -> Result<(), Failure> {
    let present = network.peerings()[link].clone();
    let vnet = present.virtual_network;
    network.put_peering(
        vnet,
        present.id.name(),
        &present.remote,
        flags.over(present.flags),
        scope.over(&present.scope)?,
    )?;
    Ok(())
}

/// What the creation of a link, and of its reverse where that has a name, needs in Azure.
pub(crate) fn required_to_create(
    network: &Network,
    name: &LinkName,
    remote: &str,
    remote_name: Option<&str>,
) -> Result<Vec<RequiredAction>, Failure> {
    let vnet = virtual_network(network, &name.vnet.vnet_name, &name.vnet.group)?;
    let remote = remote_network(network, vnet, remote, &name.vnet.group)?;
    let mut required = network.required_to_create(vnet, &name.name, &remote);
    if let Some(remote_name) = remote_name {
        let reverse = remote.child("virtualNetworkPeerings", remote_name);
        let local = &network.virtual_networks()[vnet].id;
        required.extend(network.required_to_write(&reverse, local));
    }
    Ok(required)
}

/// Creates both links of a peering, as the portal does. The reverse link offers its gateway if the first one wants to use it.
pub(crate) fn put_both(
    network: &mut Network,
    name: &LinkName,
    remote: &str,
    remote_name: &str,
    flags: PeeringFlags,
    scope: PeeringScope,
) -> Result<Vec<LinkId>, Failure> {
    let local = virtual_network(network, &name.vnet.vnet_name, &name.vnet.group)?;
    let remote = remote_network(network, local, remote, &name.vnet.group)?;
    let reverse_name = LinkName {
        name: remote_name.to_owned(),
        vnet: VnetName {
            vnet_name: remote.to_string(),
            group: GroupName::default(),
        },
    };
    let reverse_flags = PeeringFlags {
        allow_gateway_transit: flags.use_remote_gateways,
        use_remote_gateways: false,
        ..flags
    };
    let reverse_scope = match &scope {
        PeeringScope::CompleteVirtualNetworks => PeeringScope::CompleteVirtualNetworks,
        PeeringScope::Subnets {
            local,
            remote,
            only_ipv6,
        } => PeeringScope::Subnets {
            local: remote.clone(),
            remote: local.clone(),
            only_ipv6: *only_ipv6,
        },
    };
    let local_id = network.virtual_networks()[local].id.to_string();
    // The offer of a gateway comes before its use (F-11).
    let reverse = put(
        network,
        &reverse_name,
        &local_id,
        reverse_flags,
        reverse_scope,
    )?;
    let link = put(network, name, remote.as_str(), flags, scope)?;
    Ok(vec![link, reverse])
}
