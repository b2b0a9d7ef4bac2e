//! What the Internet reaches, as people and programs get it.

use std::io::{self, Write};

use control::snapshot::PublicOwner;
use dataplane::dropped::Locator;
use dataplane::recorder::Step;
use diagnose::object::Object;
use model::table::Resource;
use model::{AdminAccess, Direction};
use reach::{Asked, Exposure, Verdict};
use serde::Serialize;

use super::{Sheet, Why};
use crate::table::Table;

/// A public address and who answers there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExposureRecord {
    /// The address.
    pub public_address: std::net::Ipv4Addr,
    /// The NIC that answers, or that has the address; `None` if nobody behind a frontend answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<String>,
    /// Its primary address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<std::net::Ipv4Addr>,
    /// What hands the packets on, if the address is not the NIC's own: `load balancer lb`, `firewall fw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The public address as a resource, if it is the NIC's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
    /// What was asked for; of many ports, the lowest of `ports`.
    pub service: String,
    /// Of many ports, those with this verdict: `443`, `8000-8080`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What would have to change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// If the probe arrives, the rules that let it in, the first one that is asked first; empty where no group and no manager has a word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub let_in_by: Vec<String>,
}

/// Ranges of ports told in a table.
const RANGES: usize = 8;

impl Sheet<'_> {
    /// Exposures in words.
    pub fn exposure_records(&self, exposures: &[Exposure]) -> Vec<ExposureRecord> {
        exposures
            .iter()
            .map(|exposure| {
                let interface = exposure.nic.and_then(|nic| self.network.nics().get(nic));
                let why = match exposure.answer.verdict {
                    Verdict::Reachable => Why::default(),
                    _ => self.of_answer(&exposure.answer),
                };
                ExposureRecord {
                    public_address: exposure.public,
                    nic: exposure.nic.map(|nic| self.name_of(nic)),
                    address: interface.map(model::NetworkInterface::primary_address),
                    by: self.hands_on(exposure.owner),
                    public_ip: self.public_ip(exposure.owner),
                    ports: match self.matrix.question().asked {
                        Asked::One(_) => Vec::new(),
                        Asked::AnyPort(_) | Asked::AllPorts(_) => ports(exposure),
                    },
                    let_in_by: if exposure.arrives {
                        self.let_in_by(&exposure.steps)
                    } else {
                        Vec::new()
                    },
                    service: exposure.service.to_string(),
                    verdict: exposure.answer.verdict,
                    reason: why.reason,
                    object: why.object,
                }
            })
            .collect()
    }

    fn public_ip(&self, owner: PublicOwner) -> Option<String> {
        match owner {
            PublicOwner::Nic { public, .. } => {
                let public = self.network.public_ips().get(public)?;
                Some(public.name().to_owned())
            }
            _ => None,
        }
    }

    /// The rules that have let a packet in, on its way from the Internet.
    fn let_in_by(&self, steps: &[Step]) -> Vec<String> {
        let rules = steps.iter().filter_map(|step| match *step {
            Step::Judged {
                visit,
                level,
                rules,
                rule,
                allows: true,
            } if visit.direction == Direction::Inbound => {
                Some(Locator::Rule { level, rules, rule })
            }
            Step::JudgedByAdminRule {
                visit,
                rules,
                rule,
                access: AdminAccess::Allow | AdminAccess::AlwaysAllow,
            } if visit.direction == Direction::Inbound => Some(Locator::AdminRule { rules, rule }),
            _ => None,
        });
        rules
            .map(|rule| Object::at(self.snapshot, rule, None).to_string())
            .collect()
    }

    fn hands_on(&self, owner: PublicOwner) -> Option<String> {
        match owner {
            PublicOwner::Frontend(frontend) => {
                let balancer = self.snapshot.frontend(frontend).balancer;
                let balancer = self.network.load_balancers().get(balancer)?;
                Some(format!("load balancer {}", balancer.name()))
            }
            PublicOwner::Firewall(nic) => Some(format!("firewall {}", self.name_of(nic))),
            _ => None,
        }
    }
}

fn ports(exposure: &Exposure) -> Vec<String> {
    let ranges = exposure.ports.iter().map(|range| {
        if range.start() == range.end() {
            range.start().to_string()
        } else {
            format!("{}-{}", range.start(), range.end())
        }
    });
    ranges.collect()
}

impl ExposureRecord {
    /// What hands packets on, or the NIC's own public address.
    pub fn way_in(&self) -> String {
        match (&self.by, &self.public_ip) {
            (Some(by), _) => by.clone(),
            (None, Some(own)) => format!("public address {own}"),
            (None, None) => "its own".to_owned(),
        }
    }

    /// What was asked for: `tcp/443`, or of many ports `tcp/443, 8000-8080`.
    pub fn services(&self) -> String {
        let Some((protocol, _)) = self.service.split_once('/') else {
            return self.service.clone();
        };
        if self.ports.is_empty() {
            return self.service.clone();
        }
        let listed = self.ports[..self.ports.len().min(RANGES)].join(", ");
        match self.ports.len().saturating_sub(RANGES) {
            0 => format!("{protocol}/{listed}"),
            more => format!("{protocol}/{listed} and {more} more"),
        }
    }

    /// Why it does not arrive, or what lets it in.
    pub fn account(&self) -> String {
        let why = Why {
            reason: self.reason.clone(),
            object: self.object.clone(),
        };
        let (why, rules) = (why.sentence(), self.let_in_by.join(", "));
        match (why.is_empty(), rules.is_empty()) {
            (true, true) => "no rule is asked".to_owned(),
            (true, false) => rules,
            (false, true) => why,
            (false, false) => format!("{why}; let in by {rules}"),
        }
    }
}

/// Writes the table of exposures.
pub fn write(out: &mut dyn Write, records: &[ExposureRecord]) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "No public address in the topology leads to a NIC.");
    }
    let mut table = Table::new([
        "Public Address",
        "Leads To",
        "Address",
        "By",
        "Service",
        "Verdict",
        "Let In By, or Why Not",
    ]);
    for record in records {
        table.push([
            record.public_address.to_string(),
            record.nic.clone().unwrap_or_default(),
            record
                .address
                .map_or_else(String::new, |address| address.to_string()),
            record.way_in(),
            record.services(),
            record.verdict.to_string(),
            record.account(),
        ]);
    }
    write!(out, "{table}")
}
