//! `vnetsim az`: commands of Azure's command line on the simulated network.

mod connectivity;
mod diagnostic;
mod words;

use control::questions::{decide, next_hop_of};
use model::authorization::RequiredAction;
use model::lookup::LookupError;
use model::{NicId, OperationError, PeeringFlags, VmId};
use report::az::output::KeyOrders;
use report::az::{admin_rules, effective, output, peering, resources, security_view, watcher};
use report::table::Table;
use serde_json::Value;

use self::words::{
    Group, Manager, Named, Network, Nic, Output, Peering, Subnet, Vm, Vnet, Watcher, Words,
};
use super::ip_flow;
use crate::access::AccessArguments;
use crate::args::{AzWords, InPlace, StateArguments, TopologyArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::links::{self, FlagArguments, GroupName, LinkName};
use crate::{query, state};

pub(super) fn run(arguments: &AzWords, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let words = words::parse(&arguments.words).map_err(Failure::in_az)?;
    answer(words, console).map_err(Failure::in_az)
}

/// What a command says: a document, and its table where it has one of its own.
struct Answer {
    document: Value,
    table: Option<fn(&Value) -> Table>,
}

impl Answer {
    fn new(document: Value) -> Self {
        Self {
            document,
            table: None,
        }
    }

    fn with_table(document: Value, table: fn(&Value) -> Table) -> Self {
        Self {
            document,
            table: Some(table),
        }
    }

    /// Nothing to say.
    fn silence() -> Self {
        Self::new(Value::Null)
    }
}

fn answer(words: Words, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let Group::Network(group) = words.group;
    let at = Place {
        topology: words.topology,
        state: words.state,
        access: words.access,
    };
    if at.access.permissions || at.access.principal.is_some() {
        let network = state::peek(&at.topology, &at.state)?;
        let required = required(&network, &group)?;
        if at.access.permissions {
            let document = at.access.document(&network, &required);
            print(
                Answer::new(document),
                words.query.as_deref(),
                words.output,
                console,
            )?;
            return Ok(Exit::Yes);
        }
        at.access.check(&network, &required)?;
    }
    let answer = match group {
        Network::Vnet(Vnet::Peering(command)) => peerings(command, &at, console)?,
        Network::Vnet(command) => virtual_networks(command, &at, console)?,
        Network::Nic(command) => nics(command, &at, console)?,
        Network::Watcher(command) => watch(command, &at, console)?,
        Network::Manager(Manager::ListEffectiveSecurityAdminRule {
            virtual_network_name,
            group,
        }) => {
            let network = at.open(console)?;
            let vnet = links::virtual_network(&network, &virtual_network_name, &group)?;
            Answer::new(admin_rules::effective(&network, vnet))
        }
    };
    print(answer, words.query.as_deref(), words.output, console)?;
    Ok(Exit::Yes)
}

/// Where the network comes from and goes to.
#[derive(Clone)]
struct Place {
    topology: TopologyArguments,
    state: StateArguments,
    access: AccessArguments,
}

/// What a command on peerings needs in Azure. Rights of other commands are not known.
fn required(network: &model::Network, group: &Network) -> Result<Vec<RequiredAction>, Failure> {
    let Network::Vnet(Vnet::Peering(command)) = group else {
        return Err(Failure::Usage(
            "--as and --permissions are for the commands of `network vnet peering`".to_owned(),
        ));
    };
    let of = |name: &LinkName| links::link(network, name);
    Ok(match command {
        Peering::Create {
            link, remote_vnet, ..
        } => links::required_to_create(network, link, remote_vnet, None)?,
        Peering::Update { link, .. } | Peering::Sync(link) => network.required_to_change(of(link)?),
        Peering::Delete { link, .. } => network.required_to_delete(of(link)?),
        Peering::Show(link) => network.required_to_read(&network.peerings()[of(link)?].id),
        Peering::List(vnet) => {
            let vnet = links::virtual_network(network, &vnet.vnet_name, &vnet.group)?;
            network.required_to_read(&network.virtual_networks()[vnet].id)
        }
    })
}

impl Place {
    fn open(&self, console: &mut Console<'_>) -> Result<model::Network, Failure> {
        Ok(state::open(&self.topology, &self.state, console)?.network)
    }

    /// Changes the network; it is written only if the change succeeds.
    fn change<T>(
        &self,
        console: &mut Console<'_>,
        change: impl FnOnce(&mut model::Network, &mut Console<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut editable =
            state::open_for_change(&self.topology, &self.state, InPlace::default(), console)?;
        let result = change(editable.network(), console)?;
        editable.save(console)?;
        Ok(result)
    }
}

fn peerings(command: Peering, at: &Place, console: &mut Console<'_>) -> Result<Answer, Failure> {
    let document = match command {
        Peering::Create {
            link,
            remote_vnet,
            flags,
            scope,
            no_wait: _,
        } => {
            // F-1: this command line's flags are false unless said.
            let closed = PeeringFlags {
                allow_virtual_network_access: false,
                ..PeeringFlags::default()
            };
            let scope = scope.scope()?;
            at.change(console, |network, _| {
                let link = links::put(network, &link, &remote_vnet, flags.over(closed), scope)?;
                Ok(peering::document(network, link))
            })?
        }
        Peering::Update {
            link,
            flags,
            scope,
            no_wait: _,
        } => {
            let (flags, at) = properties_set(at, flags)?;
            at.change(console, |network, _| {
                let link = links::link(network, &link)?;
                links::update(network, link, flags, &scope)?;
                Ok(peering::document(network, link))
            })?
        }
        Peering::Sync(link) => at.change(console, |network, console| {
            let link = links::link(network, &link)?;
            links::sync(network, link, console)?;
            Ok(peering::document(network, link))
        })?,
        Peering::Delete {
            link,
            yes: _,
            no_wait: _,
        } => {
            at.change(console, |network, _| {
                let link = links::link(network, &link)?;
                network.delete_peering(link);
                Ok(())
            })?;
            return Ok(Answer::silence());
        }
        Peering::Show(link) => {
            let network = at.open(console)?;
            peering::document(&network, links::link(&network, &link)?)
        }
        Peering::List(vnet) => {
            let network = at.open(console)?;
            let vnet = links::virtual_network(&network, &vnet.vnet_name, &vnet.group)?;
            network
                .listed_peerings_of(vnet)
                .map(|link| peering::document(&network, link))
                .collect()
        }
    };
    Ok(Answer::new(document))
}

/// `--set allowForwardedTraffic=true` sets a property of the link: az and vnetsim share the word, the name says who is meant.
fn properties_set(at: &Place, mut flags: FlagArguments) -> Result<(FlagArguments, Place), Failure> {
    let mut at = at.clone();
    let mut wrong = None;
    at.topology.set.retain(|(name, value)| {
        let flag = match name.to_ascii_lowercase().as_str() {
            "allowvirtualnetworkaccess" => &mut flags.allow_vnet_access,
            "allowforwardedtraffic" => &mut flags.allow_forwarded_traffic,
            "allowgatewaytransit" => &mut flags.allow_gateway_transit,
            "useremotegateways" => &mut flags.use_remote_gateways,
            "donotverifyremotegateways" => &mut flags.do_not_verify_remote_gateways,
            _ => return true,
        };
        match links::truth(value) {
            Ok(truth) => *flag = Some(truth),
            Err(expected) => wrong = Some(format!("--set {name}={value}: {expected}")),
        }
        false
    });
    wrong.map_or(Ok((flags, at)), |text| Err(Failure::Usage(text)))
}

fn virtual_networks(
    command: Vnet,
    at: &Place,
    console: &mut Console<'_>,
) -> Result<Answer, Failure> {
    let table = |document: &Value| match document {
        Value::Array(documents) => resources::virtual_networks_table(documents),
        single => resources::virtual_networks_table(std::slice::from_ref(single)),
    };
    let document = match command {
        Vnet::List(group) => {
            let network = at.open(console)?;
            let vnets = network.virtual_networks().iter();
            vnets
                // Azure's command line lists what Resource Manager deployed.
                .filter(|(_, vnet)| group.admits(&vnet.id) && !vnet.is_classic())
                .map(|(key, _)| resources::virtual_network(&network, key))
                .collect()
        }
        Vnet::Show(named) => {
            let network = at.open(console)?;
            let vnet = links::virtual_network(&network, &named.name, &named.group)?;
            resources::virtual_network(&network, vnet)
        }
        Vnet::Update {
            vnet,
            address_prefixes,
        } => at.change(console, |network, console| {
            let vnet = links::virtual_network(network, &vnet.name, &vnet.group)?;
            let changed = network.change_address_space(vnet, address_prefixes);
            let is_peered = !network.virtual_networks()[vnet].peerings.is_empty();
            let other = match changed {
                Ok(()) if is_peered => "with refuse it would be refused, as in 2021",
                Err(OperationError::AddressSpaceFrozen { .. }) => "with sync it would be allowed",
                Ok(()) | Err(_) => "",
            };
            if !other.is_empty() {
                console.message(format_args!(
                    "note: this depends on addressSpaceChange={}; {other} (P-6)",
                    network.options.address_space_change
                ));
            }
            changed?;
            Ok(resources::virtual_network(network, vnet))
        })?,
        Vnet::Delete(named) => {
            at.change(console, |network, _| {
                let vnet = links::virtual_network(network, &named.name, &named.group)?;
                network.delete_virtual_network(vnet)?;
                Ok(())
            })?;
            return Ok(Answer::silence());
        }
        Vnet::Subnet(command) => return subnets(command, at, console),
        Vnet::Peering(command) => return peerings(command, at, console),
    };
    Ok(Answer::with_table(document, table))
}

fn subnets(command: Subnet, at: &Place, console: &mut Console<'_>) -> Result<Answer, Failure> {
    let network = at.open(console)?;
    let document = match command {
        Subnet::List(vnet) => {
            let vnet = links::virtual_network(&network, &vnet.vnet_name, &vnet.group)?;
            let subnets = &network.virtual_networks()[vnet].subnets;
            subnets
                .iter()
                .map(|&subnet| resources::subnet(&network, subnet))
                .collect()
        }
        Subnet::Show(LinkName { name, vnet }) => {
            let vnet = links::virtual_network(&network, &vnet.vnet_name, &vnet.group)?;
            let subnets = &network.virtual_networks()[vnet].subnets;
            let named = subnets
                .iter()
                .map(|&subnet| (subnet, &network.subnets()[subnet]));
            let any = GroupName::default();
            let subnet = links::only(
                "Microsoft.Network/virtualNetworks/subnets",
                &name,
                &any,
                named,
            )?;
            resources::subnet(&network, subnet)
        }
    };
    Ok(Answer::new(document))
}

fn nics(command: Nic, at: &Place, console: &mut Console<'_>) -> Result<Answer, Failure> {
    Ok(match command {
        Nic::List(group) => {
            let network = at.open(console)?;
            let nics = network.listed_nics();
            let shown = nics.filter(|(_, nic)| group.admits(&nic.id));
            Answer::new(
                shown
                    .map(|(key, _)| resources::network_interface(&network, key))
                    .collect(),
            )
        }
        Nic::Show(named) => {
            let network = at.open(console)?;
            let nic = nic(&network, &named)?;
            Answer::new(resources::network_interface(&network, nic))
        }
        Nic::Update {
            nic: named,
            ip_forwarding,
        } => Answer::new(at.change(console, |network, _| {
            let nic = nic(network, &named)?;
            network.set_ip_forwarding(nic, ip_forwarding);
            Ok(resources::network_interface(network, nic))
        })?),
        Nic::ShowEffectiveRouteTable(named) => {
            let network = at.open(console)?;
            let nic = nic(&network, &named)?;
            let snapshot = control::compile(&network);
            let routes = effective::routes(&network, &snapshot, nic);
            super::effective_routes::note_of_refusal(&network, nic, console);
            super::effective_routes::note_of_options(&network, &snapshot, nic, console);
            Answer::with_table(routes, effective::routes_table)
        }
        Nic::ListEffectiveNsg(named) => {
            let network = at.open(console)?;
            let nic = nic(&network, &named)?;
            let snapshot = control::compile(&network);
            let groups = effective::security_groups(&network, &snapshot, nic);
            super::effective_nsg::note_of_refusal(&network, nic, console);
            super::effective_nsg::note_of_options(&network, &snapshot, nic, console);
            Answer::with_table(groups, effective::security_groups_table)
        }
    })
}

fn nic(network: &model::Network, named: &Named) -> Result<NicId, Failure> {
    let nics = network.listed_nics();
    links::only(
        "Microsoft.Network/networkInterfaces",
        &named.name,
        &named.group,
        nics,
    )
}

fn watch(command: Watcher, at: &Place, console: &mut Console<'_>) -> Result<Answer, Failure> {
    let network = at.open(console)?;
    let snapshot = control::compile(&network);
    let compiled = |vm: &Vm| {
        let key = nic_of(&network, vm)?;
        snapshot
            .nic(key)
            .map(|nic| (key, nic))
            .ok_or_else(|| Failure::Usage(format!("'{}' was deleted", vm.name)))
    };
    let document = match command {
        Watcher::ShowNextHop {
            vm,
            source_ip: _,
            dest_ip,
        } => {
            let (key, nic) = compiled(&vm)?;
            super::next_hop::note_of_options(&network, &snapshot, key, dest_ip, console);
            watcher::next_hop(&next_hop_of(&snapshot, nic, dest_ip))
        }
        Watcher::TestIpFlow {
            vm,
            direction,
            protocol,
            local,
            remote,
        } => {
            let (key, nic) = compiled(&vm)?;
            let own = network.nics()[key].primary_address();
            let flow = ip_flow::question(own, direction, protocol, &local, &remote, ip_flow::ECHO)?;
            ip_flow::note_of_options(&network, &snapshot, key, direction, flow, console);
            watcher::ip_flow(&decide(&snapshot, nic, direction, flow))
        }
        Watcher::TestConnectivity(asked) => connectivity::answer(&network, &snapshot, &asked)?,
        Watcher::ShowSecurityGroupView { vm, group } => {
            let machine = machine(&network, &vm, &group)?;
            security_view::of_machine(&network, &snapshot, machine)
        }
        Watcher::RunConfigurationDiagnostic(asked) => {
            diagnostic::answer(&network, &snapshot, &asked)?
        }
    };
    Ok(Answer::new(document))
}

fn machine(network: &model::Network, name: &str, group: &GroupName) -> Result<VmId, Failure> {
    let machines = network.virtual_machines().iter();
    links::only("Microsoft.Compute/virtualMachines", name, group, machines)
}

/// The NIC of a VM that a question is about: the named one, else the primary one.
fn nic_of(network: &model::Network, vm: &Vm) -> Result<NicId, Failure> {
    let machine = machine(network, &vm.name, &vm.group)?;
    let machine = &network.virtual_machines()[machine];
    match &vm.nic {
        Some(name) => {
            let own = machine.nics.iter().map(|&nic| (nic, &network.nics()[nic]));
            let any = GroupName::default();
            links::only("Microsoft.Network/networkInterfaces", name, &any, own)
        }
        None => Ok(machine
            .primary_nic()
            .ok_or_else(|| LookupError::WithoutNic(machine.id.clone()))?),
    }
}

fn print(
    answer: Answer,
    query: Option<&str>,
    output: Output,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (document, orders, table) = match query {
        Some(query) => {
            let (document, orders) = query::apply(query, &answer.document)?;
            // A command's own table is for its own document.
            (document, orders, None)
        }
        None => (answer.document, KeyOrders::default(), answer.table),
    };
    if document.is_null() {
        return Ok(());
    }
    match output {
        Output::Json => report::json::write(console.out(), &document)?,
        Output::Table => {
            let table = match table {
                Some(table) => table(&document),
                None => output::table(&document, &orders),
            };
            // az prints an empty line for an empty table.
            let text = if table.is_empty() {
                "\n".to_owned()
            } else {
                table.to_string()
            };
            write!(console.out(), "{text}")?;
        }
        Output::Tsv => write!(console.out(), "{}", output::tsv(&document, &orders))?,
        Output::None => {}
    }
    Ok(())
}
