//! `vnetsim compare`: answers of Azure beside ours, row by row.

use std::path::Path;

use control::Snapshot;
use control::questions::{decide, next_hop_of};
use model::table::Resource;
use model::{Network, NicId};
use report::compare::{Answer, Class, Comparison, answers, groups, routes, rows};
use report::table::Table;
use serde_json::{Value, json};

use crate::args::{CompareArguments, FlowProtocol, Format};
use crate::commands::{ip_flow, next_hop};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::topology;

/// One dump and what came of it.
struct Compared {
    file: String,
    kind: Answer,
    /// The NIC, for answers about one.
    nic: Option<String>,
    comparison: Comparison,
}

pub(super) fn run(
    arguments: &CompareArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let network = topology::open(&arguments.topology, console)?.network;
    let snapshot = control::compile(&network);
    let questions = match &arguments.question {
        Some(file) => read(&file.to_string_lossy())?,
        None => Value::Null,
    };
    let desk = Desk {
        network: &network,
        snapshot: &snapshot,
        arguments,
        questions: &questions,
    };
    let mut all = Vec::new();
    for dump in &arguments.dumps {
        all.push(desk.compare(dump)?);
    }
    match arguments.output {
        Format::Table => print(&all, console)?,
        Format::Json => report::json::write(console.out(), &document(&all))?,
    }
    console.flush()?;
    for compared in &all {
        for remark in &compared.comparison.remarks {
            console.message(format_args!("note: {}: {remark}", compared.file));
        }
    }
    Ok(Exit::from_verdict(
        all.iter().all(|compared| compared.comparison.agrees()),
    ))
}

struct Desk<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    arguments: &'a CompareArguments,
    questions: &'a Value,
}

impl Desk<'_> {
    fn compare(&self, dump: &str) -> Result<Compared, Failure> {
        // A file of this name is meant before a NIC of this name.
        let (named, file) = match dump.split_once('=') {
            Some((nic, file)) if !Path::new(dump).exists() => (Some(nic), file),
            _ => (None, dump),
        };
        let azure = read(file)?;
        let kind = Answer::of(&azure).ok_or_else(|| {
            Failure::Usage(format!(
                "{file} holds none of the answers that can be compared: effective routes, effective security rules, an IP flow, a next hop or peering links"
            ))
        })?;
        let question = self.question_of(file);
        let named = named.or_else(|| question["nic"].as_str());
        let nic = match kind {
            Answer::Peerings => None,
            _ => Some(self.nic(named, file, &azure)?),
        };
        let comparison = match (kind, nic) {
            (Answer::EffectiveRoutes, Some(nic)) => self.routes(nic, &azure),
            (Answer::EffectiveGroups, Some(nic)) => {
                groups::compare(&azure, self.network, self.snapshot, nic)
            }
            (Answer::IpFlow, Some(nic)) => self.ip_flow(nic, file, &azure, &question)?,
            (Answer::NextHop, Some(nic)) => self.next_hop(nic, file, &azure, &question)?,
            (Answer::Peerings, _) | (_, None) => answers::links(self.network, &azure),
        };
        Ok(Compared {
            file: file.to_owned(),
            kind,
            nic: nic.map(|nic| self.network.nics()[nic].name().to_owned()),
            comparison,
        })
    }

    /// The question for a dump, by the file's whole name or its last part; one question alone is for all.
    fn question_of(&self, file: &str) -> Value {
        let last = Path::new(file).file_name().unwrap_or_default();
        let found = self
            .questions
            .get(file)
            .or_else(|| self.questions.get(&*last.to_string_lossy()));
        let single = self.questions.get("direction").is_some()
            || self.questions.get("destination").is_some();
        let found = found.or_else(|| single.then_some(self.questions));
        found.cloned().unwrap_or_default()
    }

    /// By name, by the ids in the answer, or by the name of the file.
    fn nic(&self, named: Option<&str>, file: &str, azure: &Value) -> Result<NicId, Failure> {
        if let Some(name) = named {
            return topology::nic(self.network, name);
        }
        let mut ids = rows(azure).iter().filter_map(|row| {
            let association = row
                .get("association")
                .or_else(|| row["properties"].get("association"))?;
            association["networkInterface"]["id"].as_str()
        });
        if let Some(nic) = ids.find_map(|id| topology::nic(self.network, id).ok()) {
            return Ok(nic);
        }
        let stem = Path::new(file).file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy();
        // `web-nic.routes.json` is about web-nic.
        let first = stem.split('.').next().unwrap_or_default();
        topology::nic(self.network, &stem)
            .or_else(|_| topology::nic(self.network, first))
            .map_err(|_| {
                Failure::Usage(format!(
                    "it is not known whose answer {file} holds; say NIC={file}"
                ))
            })
    }

    fn routes(&self, nic: NicId, azure: &Value) -> Comparison {
        let (azure, unread) = routes::of_azure(azure);
        let ours = routes::of_snapshot(self.network, self.snapshot, nic);
        let mut comparison = routes::compare(&azure, &ours);
        comparison.remarks.extend(unread);
        let is_none = |class| class == Class::NoneRoute;
        let mut classes = comparison
            .differences
            .iter()
            .map(|difference| difference.class);
        if classes.any(is_none)
            && let Some(list) = routes::none_routes_of(self.network, nic, &azure)
        {
            comparison.remarks.push(format!(
                "the routes with next hop None are those of --set noneRoutes={list}"
            ));
        }
        comparison
    }

    fn ip_flow(
        &self,
        nic: NicId,
        file: &str,
        azure: &Value,
        question: &Value,
    ) -> Result<Comparison, Failure> {
        let missing = |what: &str| {
            Failure::Usage(format!(
                "{file} is the answer to an IP flow question; say --{what} or give it in --question"
            ))
        };
        let said = |key: &str| question[key].as_str();
        let direction = match said("direction") {
            Some(word) => word
                .parse()
                .map_err(|_| Failure::Usage(format!("'{word}' is no direction")))?,
            None => self
                .arguments
                .direction
                .ok_or_else(|| missing("direction"))?,
        };
        let protocol = match said("protocol").map(str::to_ascii_lowercase).as_deref() {
            Some("tcp") => FlowProtocol::Tcp,
            Some("udp") => FlowProtocol::Udp,
            Some("icmp") => FlowProtocol::Icmp,
            Some(word) => return Err(Failure::Usage(format!("'{word}' is no protocol"))),
            None => self.arguments.protocol.ok_or_else(|| missing("protocol"))?,
        };
        let local = said("local").or(self.arguments.local.as_deref());
        let remote = said("remote").or(self.arguments.remote.as_deref());
        let key = ip_flow::question(
            self.network.nics()[nic].primary_address(),
            direction,
            protocol,
            local.unwrap_or_default(),
            remote.ok_or_else(|| missing("remote"))?,
            ip_flow::ECHO,
        )?;
        Ok(self.asked(nic, |compiled| {
            let decision = decide(self.snapshot, compiled, direction, key);
            answers::ip_flow(azure, &decision)
        }))
    }

    fn next_hop(
        &self,
        nic: NicId,
        file: &str,
        azure: &Value,
        question: &Value,
    ) -> Result<Comparison, Failure> {
        let destination = question["destination"]
            .as_str()
            .or(self.arguments.destination.as_deref());
        let destination = destination.ok_or_else(|| {
            Failure::Usage(format!(
                "{file} is the answer to a next-hop question; say --destination or give it in --question"
            ))
        })?;
        let destination = next_hop::address(self.network, destination)?;
        Ok(self.asked(nic, |compiled| {
            let answer = next_hop_of(self.snapshot, compiled, destination);
            answers::next_hop(self.network, azure, &answer)
        }))
    }

    fn asked(
        &self,
        nic: NicId,
        ask: impl FnOnce(&control::snapshot::Nic) -> Comparison,
    ) -> Comparison {
        self.snapshot.nic(nic).map(ask).unwrap_or_default()
    }
}

/// A JSON file.
fn read(file: &str) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("cannot read {file}: {error}")))?;
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Failure::Usage(format!("{file} is no JSON: {error}")))
}

fn print(all: &[Compared], console: &mut Console<'_>) -> Result<(), Failure> {
    let mut table = Table::new(["Where", "What", "Azure", "vnetsim", "Made by"]);
    for compared in all {
        let place = compared.nic.as_ref().unwrap_or(&compared.file);
        for difference in &compared.comparison.differences {
            let side = |row: &Option<String>| row.clone().unwrap_or_else(|| "-".to_owned());
            table.push([
                place.clone(),
                format!("{} {}", difference.what, difference.key),
                side(&difference.azure),
                side(&difference.vnetsim),
                difference.made_by.clone().unwrap_or_default(),
            ]);
        }
    }
    if !table.is_empty() {
        write!(console.out(), "{table}")?;
    }
    let (rows, different, none) = totals(all);
    let apart = match none {
        0 => String::new(),
        none => format!(", apart from {none} with next hop None"),
    };
    writeln!(
        console.out(),
        "rows compared: {rows}, different: {different}{apart}"
    )?;
    Ok(())
}

/// Rows compared, differences that count, and those in `None` routes.
fn totals(all: &[Compared]) -> (usize, usize, usize) {
    let rows = all.iter().map(|compared| compared.comparison.compared);
    let differences = || {
        all.iter()
            .flat_map(|compared| &compared.comparison.differences)
    };
    let none = differences()
        .filter(|difference| difference.class == Class::NoneRoute)
        .count();
    (rows.sum(), differences().count() - none, none)
}

fn document(all: &[Compared]) -> Value {
    let (rows, different, none) = totals(all);
    let dumps: Vec<Value> = all
        .iter()
        .map(|compared| {
            json!({
                "file": compared.file,
                "answer": compared.kind,
                "nic": compared.nic,
                "compared": compared.comparison.compared,
                "differences": compared.comparison.differences,
                "remarks": compared.comparison.remarks,
            })
        })
        .collect();
    json!({ "dumps": dumps, "compared": rows, "different": different, "noneRoutes": none })
}
