//! `vnetsim show`: what was loaded.

use std::collections::BTreeMap;

use formats::arm::{Assumed, AssumedRule};
use formats::diagnostic::{Code, Diagnostic, Severity};
use formats::load::Loaded;
use model::Network;
use model::options::OptionDescription;
use report::table::Table;
use serde_json::{Value, json};

use crate::args::{Format, ShowArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::topology;

pub(super) fn run(arguments: &ShowArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    // Warnings are part of the answer here.
    let loaded = topology::read(&arguments.topology)?;
    match arguments.output {
        Format::Table => print(&loaded, console)?,
        Format::Json => report::json::write(console.out(), &document(&loaded))?,
    }
    Ok(Exit::Yes)
}

/// Number of resources of each kind that the network has.
fn counts(network: &Network) -> Vec<(&'static str, usize)> {
    let counts = [
        ("virtual networks", network.virtual_networks().len()),
        ("subnets", network.subnets().len()),
        ("peering links", network.listed_peerings().count()),
        ("virtual machines", network.virtual_machines().len()),
        ("network interfaces", network.listed_nics().count()),
        ("route tables", network.route_tables().len()),
        ("network security groups", network.nsgs().len()),
        ("application security groups", network.asgs().len()),
        ("public IP addresses", network.public_ips().len()),
        ("load balancers", network.load_balancers().len()),
        ("NAT gateways", network.nat_gateways().len()),
        ("Azure firewalls", network.firewalls().len()),
        ("firewall policies", network.firewall_policies().len()),
        ("IP groups", network.ip_groups().len()),
        ("virtual network gateways", network.gateways().len()),
        ("routing appliances", network.routing_appliances().len()),
        ("route servers", network.route_servers().len()),
        ("private endpoints", network.private_endpoints().len()),
        ("local network gateways", network.local_gateways().len()),
        ("gateway connections", network.connections().len()),
        ("on-premises networks", network.on_premises().len()),
    ];
    counts.into_iter().filter(|&(_, count)| count > 0).collect()
}

/// Remarks about the input by what they mean to the user.
fn remarks(loaded: &Loaded) -> Vec<(&'static str, Vec<&Diagnostic>)> {
    let all = || loaded.diagnostics.iter();
    let notes_of = |code: Code| {
        all()
            .filter(|remark| remark.severity == Severity::Note && remark.code == code)
            .collect::<Vec<_>>()
    };
    let groups = vec![
        (
            "warnings",
            all()
                .filter(|remark| remark.severity == Severity::Warning)
                .collect(),
        ),
        ("unknownValues", notes_of(Code::UnknownValue)),
        ("assumptions", notes_of(Code::AssumedValue)),
        (
            "notes",
            all()
                .filter(|remark| {
                    remark.severity == Severity::Note
                        && !matches!(remark.code, Code::UnknownValue | Code::AssumedValue)
                })
                .collect(),
        ),
    ];
    groups
}

/// What the compiler noticed: places where the input does not hold what decides.
fn undecided(network: &Network) -> Vec<String> {
    let notes = control::compile(network).provenance.notes;
    notes.iter().map(ToString::to_string).collect()
}

/// How a value that Azure would assign was chosen.
fn how(rule: AssumedRule) -> &'static str {
    match rule {
        AssumedRule::FirstFree => "the first free address of the subnet",
        AssumedRule::Documentation => "an address for documentation",
        AssumedRule::BgpPeering => "where VPN gateways speak BGP",
        AssumedRule::AzureAsn => "the system number of Azure",
    }
}

/// Options that differ from their defaults.
fn options_set(network: &Network) -> Vec<OptionDescription> {
    let all = network.options.descriptions().into_iter();
    all.filter(|option| option.value != option.default)
        .collect()
}

fn print(loaded: &Loaded, console: &mut Console<'_>) -> std::io::Result<()> {
    let out = console.out();
    let mut table = Table::new(["Resource", "Count"]);
    for (kind, count) in counts(&loaded.network) {
        table.push([kind.to_owned(), count.to_string()]);
    }
    write!(out, "{table}")?;
    let passed_over = [
        (
            "not simulated, could change a verdict",
            &loaded.summary.unsupported,
        ),
        ("without influence on packets", &loaded.summary.irrelevant),
    ];
    for (title, kinds) in passed_over {
        if !kinds.is_empty() {
            writeln!(out, "\n{title}:")?;
            kinds
                .iter()
                .try_for_each(|(kind, count)| writeln!(out, "  {kind}  {count}"))?;
        }
    }
    let undecided = undecided(&loaded.network);
    if !undecided.is_empty() {
        writeln!(out, "\nwhere the input does not hold what decides:")?;
        undecided
            .iter()
            .try_for_each(|note| writeln!(out, "  {note}"))?;
    }
    if !loaded.assumed.is_empty() {
        writeln!(out, "\nvalues that Azure would assign, assumed:")?;
        for Assumed {
            resource,
            property,
            value,
            rule,
        } in &loaded.assumed
        {
            writeln!(out, "  {value}  {property} of {resource} ({})", how(*rule))?;
        }
    }
    let titles = BTreeMap::from([
        ("warnings", "warnings"),
        (
            "unknownValues",
            "values that only Azure or the deployer knows",
        ),
        ("assumptions", "assumptions"),
        ("notes", "notes"),
    ]);
    for (group, remarks) in remarks(loaded) {
        if !remarks.is_empty() {
            writeln!(out, "\n{}:", titles[group])?;
            for remark in remarks {
                let text = remark.display(&loaded.sources).to_string();
                writeln!(out, "  {}", text.replace('\n', "\n  "))?;
            }
        }
    }
    let set = options_set(&loaded.network);
    if set.is_empty() {
        return writeln!(out, "\noptions: all as by default");
    }
    writeln!(out, "\noptions:")?;
    set.iter().try_for_each(|option| {
        writeln!(
            out,
            "  {}={}  (default {}, {})",
            option.name, option.value, option.default, option.rule
        )
    })
}

fn document(loaded: &Loaded) -> Value {
    let counts: serde_json::Map<String, Value> = counts(&loaded.network)
        .into_iter()
        .map(|(kind, count)| (kind.to_owned(), json!(count)))
        .collect();
    let options: serde_json::Map<String, Value> = loaded
        .network
        .options
        .descriptions()
        .into_iter()
        .map(|option| (option.name.to_owned(), json!(option.value)))
        .collect();
    let assumed: Vec<Value> = loaded
        .assumed
        .iter()
        .map(|assumed| {
            json!({
                "resource": assumed.resource,
                "property": assumed.property,
                "value": assumed.value.to_string(),
                "rule": how(assumed.rule),
            })
        })
        .collect();
    let mut document = json!({
        "resources": counts,
        "assumedValues": assumed,
        "undecided": undecided(&loaded.network),
        "unsupported": loaded.summary.unsupported,
        "irrelevant": loaded.summary.irrelevant,
        "options": options,
    });
    for (group, remarks) in remarks(loaded) {
        document[group] = remarks
            .into_iter()
            .map(|remark| remark_document(loaded, remark))
            .collect();
    }
    document
}

fn remark_document(loaded: &Loaded, remark: &Diagnostic) -> Value {
    let place = remark.span.map(|span| {
        let position = loaded.sources.position(span);
        json!({
            "file": loaded.sources.name(span.file()),
            "line": position.line,
            "column": position.column,
        })
    });
    json!({
        "code": remark.code.as_str(),
        "message": remark.message,
        "place": place,
        "resource": remark.resource,
        "property": remark.property,
        "value": remark.value,
        "expected": remark.expected,
        "azureCode": remark.azure_code,
    })
}
