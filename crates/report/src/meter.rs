//! What crossed peerings in a run, in bytes and in money.

use engine::meter::{Amount, Meter, Traffic};
use formats::prices::Prices;
use model::table::Resource;
use model::{LinkId, Network};
use serde::Serialize;

use crate::table::Table;

/// What a run used of peerings. Bytes are those of IP packets.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeterDocument {
    /// Each side of each peering that anything has crossed.
    pub links: Vec<LinkRecord>,
    /// All links together: a packet counts on both sides, where each side pays.
    pub totals: Totals,
    /// Of the price table; empty if it names none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub currency: String,
}

/// One side of a peering.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkRecord {
    /// Id of the link.
    pub id: String,
    /// Name of the network that holds it.
    pub virtual_network: String,
    /// Name of the other network.
    pub remote_virtual_network: String,
    /// The networks lie in different regions.
    pub global: bool,
    /// Price zone of the network's region, if there is a table that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// What crossed it.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Amounts of both directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Packets that came in.
    pub ingress_packets: u64,
    /// Their bytes.
    pub ingress_bytes: u64,
    /// Packets that went out.
    pub egress_packets: u64,
    /// Their bytes.
    pub egress_bytes: u64,
    /// Price of both directions; `None` without a table, or where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

impl MeterDocument {
    /// Names and prices what a meter has counted.
    pub fn new(network: &Network, meter: &Meter, prices: Option<&Prices>) -> Self {
        let links: Vec<LinkRecord> = meter
            .links()
            .map(|(link, traffic)| record(network, link, traffic, prices))
            .collect();
        let mut totals = Totals {
            cost: prices.map(|_| 0.0),
            ..Totals::default()
        };
        for link in &links {
            totals.ingress_packets += link.totals.ingress_packets;
            totals.ingress_bytes += link.totals.ingress_bytes;
            totals.egress_packets += link.totals.egress_packets;
            totals.egress_bytes += link.totals.egress_bytes;
            // A sum that lacks a part is no sum.
            totals.cost = totals
                .cost
                .zip(link.totals.cost)
                .map(|(sum, cost)| sum + cost);
        }
        Self {
            links,
            totals,
            currency: prices.map_or_else(String::new, |prices| prices.currency.clone()),
        }
    }

    /// Links without a price although there is a table, each with what is missing.
    pub fn unpriced(&self) -> Vec<String> {
        let without = self.links.iter().filter(|link| link.totals.cost.is_none());
        without
            .map(|link| match (link.global, &link.zone) {
                (false, _) => "local".to_owned(),
                (true, Some(zone)) => format!("global.{zone}"),
                (true, None) => format!("zones, for the region of {}", link.virtual_network),
            })
            .collect()
    }

    /// One row for each side of a peering, and the totals.
    pub fn table(&self) -> Table {
        let with_cost = self.links.iter().any(|link| link.totals.cost.is_some());
        let mut headings = vec![
            "VNet",
            "RemoteVNet",
            "Link",
            "Reach",
            "IngressBytes",
            "EgressBytes",
        ];
        headings.extend(with_cost.then_some("Cost"));
        let mut table = Table::new(headings);
        let mut push = |texts: [&str; 4], totals: &Totals| {
            let mut cells: Vec<String> = texts.map(str::to_owned).into();
            cells.push(totals.ingress_bytes.to_string());
            cells.push(totals.egress_bytes.to_string());
            if with_cost {
                let cost = totals.cost.map_or_else(|| "unknown".to_owned(), money);
                cells.push(format!("{cost} {}", self.currency).trim_end().to_owned());
            }
            table.push(cells);
        };
        for link in &self.links {
            let name = link.id.rsplit('/').next().unwrap_or_default();
            let reach = if link.global { "global" } else { "local" };
            let texts = [
                link.virtual_network.as_str(),
                link.remote_virtual_network.as_str(),
                name,
                reach,
            ];
            push(texts, &link.totals);
        }
        push(["Total", "", "", ""], &self.totals);
        table
    }
}

fn record(
    network: &Network,
    link: LinkId,
    traffic: Traffic,
    prices: Option<&Prices>,
) -> LinkRecord {
    let peering = &network.peerings()[link];
    let local = &network.virtual_networks()[peering.virtual_network];
    let remote = network.virtual_networks().find(&peering.remote);
    let global = remote.is_some_and(|remote| {
        let remote = &network.virtual_networks()[remote].location;
        !local.location.is_unknown() && !remote.is_unknown() && local.location != *remote
    });
    let price = prices.and_then(|prices| prices.price(&local.location, global));
    let cost = prices.zip(price).map(|(prices, price)| {
        gigabytes(traffic.ingress, prices) * price.ingress
            + gigabytes(traffic.egress, prices) * price.egress
    });
    let zone = prices.filter(|_| global);
    LinkRecord {
        id: network.peerings()[network.visible_link(link)]
            .id
            .to_string(),
        virtual_network: local.name().to_owned(),
        remote_virtual_network: peering.remote.name().to_owned(),
        global,
        zone: zone
            .and_then(|prices| prices.zone(&local.location))
            .map(str::to_owned),
        totals: Totals {
            ingress_packets: traffic.ingress.packets,
            ingress_bytes: traffic.ingress.bytes,
            egress_packets: traffic.egress.packets,
            egress_bytes: traffic.egress.bytes,
            cost,
        },
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 bytes are more than a run sends"
)]
fn gigabytes(amount: Amount, prices: &Prices) -> f64 {
    amount.bytes as f64 / prices.bytes_per_gb
}

/// Pings cost little: twelve digits behind the point, without the zeros at the end.
fn money(amount: f64) -> String {
    let text = format!("{amount:.12}");
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}
