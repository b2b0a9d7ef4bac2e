//! Prices of traffic over peerings, as a user gives them: Azure's own differ by agreement and change, so none are built in.
//!
//! ```yaml
//! currency: EUR
//! bytesPerGb: 1000000000                     # default
//! local: { ingress: 0.01, egress: 0.01 }     # per GB, between networks of one region
//! global:                                    # between regions, by the zone of each side
//!   zone1: { ingress: 0.035, egress: 0.035 }
//! zones: { northeurope: zone1 }              # region by region
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use model::Location;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Data, Object, Value};
use crate::source::Sources;
use crate::yaml;

/// Bytes of a gigabyte unless the table says otherwise.
const GIGABYTE: f64 = 1e9;

/// What a gigabyte over a peering costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// As printed behind amounts; empty if not said.
    pub currency: String,
    /// Bytes of what a price is for.
    pub bytes_per_gb: f64,
    local: Option<Price>,
    /// By zone, in lower case.
    global: BTreeMap<String, Price>,
    /// Zone of a region.
    zones: BTreeMap<Location, String>,
}

/// For a gigabyte of each direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Into the network that pays.
    pub ingress: f64,
    /// Out of it.
    pub egress: f64,
}

impl Prices {
    /// Reads a table. Everything that is wrong with it goes to `diagnostics`.
    pub fn read(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Self> {
        let file = sources.read(path, diagnostics)?;
        let value = yaml::parse(sources, file, diagnostics)?;
        let mut reader = Reader { diagnostics };
        let prices = reader.prices(&value);
        (!diagnostics.has_errors()).then_some(prices)
    }

    /// The zone of a region, if the table has one.
    pub fn zone(&self, region: &Location) -> Option<&str> {
        self.zones.get(region).map(String::as_str)
    }

    /// What a network of a region pays for traffic with another network, of its region or not. `None`: the table does not say.
    pub fn price(&self, region: &Location, global: bool) -> Option<Price> {
        if global {
            self.global
                .get(&self.zone(region)?.to_ascii_lowercase())
                .copied()
        } else {
            self.local
        }
    }
}

struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl Reader<'_> {
    fn prices(&mut self, value: &Value) -> Prices {
        let mut prices = Prices {
            currency: String::new(),
            bytes_per_gb: GIGABYTE,
            local: None,
            global: BTreeMap::new(),
            zones: BTreeMap::new(),
        };
        let Some(table) = self.object(value, "the table") else {
            return prices;
        };
        for member in table.iter() {
            let value = &member.value;
            match &*member.key {
                "currency" => match value.as_str() {
                    Some(text) => text.clone_into(&mut prices.currency),
                    None => self.bad(value, "currency", "a word, for example EUR"),
                },
                "bytesPerGb" => match number(value) {
                    Some(bytes) if bytes >= 1.0 => prices.bytes_per_gb = bytes,
                    _ => self.bad(value, "bytesPerGb", "1000000000 or 1073741824"),
                },
                "local" => prices.local = self.price(value, "local"),
                "global" => {
                    let zones = self.object(value, "global");
                    for zone in zones.iter().flat_map(|zones| zones.iter()) {
                        let path = format!("global.{}", zone.key);
                        if let Some(price) = self.price(&zone.value, &path) {
                            prices.global.insert(zone.key.to_ascii_lowercase(), price);
                        }
                    }
                }
                "zones" => {
                    let regions = self.object(value, "zones");
                    for region in regions.iter().flat_map(|regions| regions.iter()) {
                        let zone = match &region.value.data {
                            Data::Integer(number) => Some(number.to_string()),
                            _ => region.value.as_str().map(str::to_owned),
                        };
                        if let Some(zone) = zone {
                            prices.zones.insert(Location::new(&region.key), zone);
                        } else {
                            let path = format!("zones.{}", region.key);
                            self.bad(&region.value, &path, "the name of a zone");
                        }
                    }
                }
                other => {
                    let problem = Diagnostic::error(
                        Code::UnknownKey,
                        format!("there is no key '{other}' here"),
                    );
                    self.diagnostics.push(
                        problem
                            .at(member.key_span)
                            .expected("currency, bytesPerGb, local, global or zones"),
                    );
                }
            }
        }
        prices
    }

    fn price(&mut self, value: &Value, path: &str) -> Option<Price> {
        let table = self.object(value, path)?;
        let mut direction = |key: &str| {
            let place = table.get(key);
            let amount = place.and_then(number).filter(|amount| *amount >= 0.0);
            if amount.is_none() {
                let path = format!("{path}.{key}");
                self.bad(place.unwrap_or(value), &path, "the price of a gigabyte");
            }
            amount
        };
        let (ingress, egress) = (direction("ingress"), direction("egress"));
        Some(Price {
            ingress: ingress?,
            egress: egress?,
        })
    }

    fn object<'v>(&mut self, value: &'v Value, path: &str) -> Option<&'v Object> {
        let object = value.as_object();
        if object.is_none() {
            self.bad(value, path, "keys with values");
        }
        object
    }

    fn bad(&mut self, value: &Value, path: &str, expected: &str) {
        let problem = Diagnostic::error(Code::BadValue, format!("{path} is {value}"));
        self.diagnostics.push(
            problem
                .at(value.span)
                .property(path)
                .value(value)
                .expected(expected),
        );
    }
}

fn number(value: &Value) -> Option<f64> {
    match value.data {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a price of more than 2^53 is none"
        )]
        Data::Integer(number) => Some(number as f64),
        Data::Float(number) => Some(number).filter(|number| number.is_finite()),
        _ => None,
    }
}
