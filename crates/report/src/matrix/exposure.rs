//! What the Internet reaches, as people and programs get it.

use std::io::{self, Write};

use control::snapshot::PublicOwner;
use model::table::Resource;
use reach::{Exposure, Verdict};
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
    /// What was asked for.
    pub service: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What would have to change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
}

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
                    service: exposure.service.to_string(),
                    verdict: exposure.answer.verdict,
                    reason: why.reason,
                    object: why.object,
                }
            })
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
        "Why",
    ]);
    for record in records {
        let why = Why {
            reason: record.reason.clone(),
            object: record.object.clone(),
        };
        table.push([
            record.public_address.to_string(),
            record.nic.clone().unwrap_or_default(),
            record
                .address
                .map_or_else(String::new, |address| address.to_string()),
            record.by.clone().unwrap_or_else(|| "its own".to_owned()),
            record.service.clone(),
            record.verdict.to_string(),
            why.sentence(),
        ]);
    }
    write!(out, "{table}")
}
