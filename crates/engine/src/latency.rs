//! How long a packet is under way: the latency model `azure-2026-07` (rules L-1 to L-4).
//!
//! - **Between regions** (global peering): half of the measured round trip of the region pair, each direction from its own cell.
//! - **Within a region** (same network or local peering, which take the same time, L-2): by availability zone.
//! - **Gateways and appliances** add a constant each.
//!
//! Around the median of a link the delay is log-normal, cut off below at a share of the median. The numbers are public
//! values of 2018 to 2026, not measurements of ours, and for VM pairs in near regions 1.5 to 3.5 ms on the high side (L-2):
//! reports print the model's name beside every figure. Whoever has better ones overrides them in [`LatencyParameters`].

use std::collections::BTreeMap;
use std::fmt;

use self::matrix::MATRIX;
use crate::random::Draw;
use crate::site::{Distance, Place};
use crate::time::SimDuration;

mod matrix;

/// The standard normal deviate that 95 % of all deviates lie below.
const NORMAL_P95: f64 = 1.644_853_626_951_472_7;

/// Round-trip time between two regions, as Azure publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionRtt {
    /// Median.
    pub p50: SimDuration,
    /// 95th percentile, not below the median.
    pub p95: SimDuration,
}

/// Every number of the model. The default is `azure-2026-07`.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyParameters {
    /// Median one way between two machines of one availability zone. Default 0.45 ms.
    pub same_zone: SimDuration,
    /// Median one way between two zones of a region. Default 0.78 ms.
    pub cross_zone: SimDuration,
    /// Median one way inside a region, if the zone of an end is not known. Default 0.5 ms.
    pub zone_unknown: SimDuration,
    /// Standard deviation of the logarithm of a one-way delay inside a region; finite, 0 to 2 (0: no jitter). Default 0.2.
    ///
    /// Chosen from the observations of L-2: with it the mean round trip is 0.92 ms in a zone and 1.59 ms across zones
    /// (measured, about 40,000 samples each: 0.91 and 1.55), and 95 % of the round trips across zones stay below the 2 ms that
    /// Azure documents. The outliers to 5 ms seen on small burstable machines are not in the model.
    pub local_sigma: f64,
    /// The shortest delay of a link as a share of its median; above 0, at most 1. Default 0.7.
    pub floor: f64,
    /// What a VPN gateway adds to a packet that passes it, one way. Default 1.5 ms.
    pub vpn_gateway: SimDuration,
    /// What the guest of a network virtual appliance takes to forward a packet. Default 0.1 ms.
    pub appliance: SimDuration,
    /// Median one way between the edge of Azure and a host in the Internet. Default 10 ms: assumed, hosts differ by far more.
    pub internet: SimDuration,
    /// Stands in for region pairs outside the matrix (new regions, sovereign clouds). Default: the median cell of each table,
    /// 144 and 153 ms.
    pub unknown_regions: RegionRtt,
    /// Region pairs (source, destination) that replace a cell of the matrix or add one; one direction each. Names as in
    /// [`Place::region`].
    pub region_pairs: BTreeMap<(String, String), RegionRtt>,
}

impl Default for LatencyParameters {
    fn default() -> Self {
        Self {
            // L-4. One way, half of the measured round trips of L-2.
            same_zone: SimDuration::from_microseconds(450),
            cross_zone: SimDuration::from_microseconds(780),
            zone_unknown: SimDuration::from_microseconds(500),
            local_sigma: 0.2,
            floor: 0.7,
            vpn_gateway: SimDuration::from_microseconds(1_500),
            appliance: SimDuration::from_microseconds(100),
            internet: SimDuration::from_milliseconds(10),
            unknown_regions: RegionRtt {
                p50: SimDuration::from_milliseconds(144),
                p95: SimDuration::from_milliseconds(153),
            },
            region_pairs: BTreeMap::new(),
        }
    }
}

/// A number of [`LatencyParameters`] that no model can be made of.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LatencyError {
    /// A median delay of zero: a link must take time, since the look-ahead of the simulation is the shortest link.
    #[error("latency `{0}` must be longer than 0")]
    NoDelay(&'static str),
    /// `local_sigma` is negative, not a number, or absurd.
    #[error("latency `local_sigma` must lie between 0 and 2, not {0}")]
    Sigma(f64),
    /// `floor` is no share of a median.
    #[error("latency `floor` must be above 0 and at most 1, not {0}")]
    Floor(f64),
    /// The 95th percentile of a round trip lies below its median, or at more than ten times of it.
    #[error(
        "latency between regions {pair}: the 95th percentile {p95} must lie between the median {p50} and ten times the median"
    )]
    Percentiles {
        /// `from to`, or which parameter.
        pair: String,
        /// The median given.
        p50: SimDuration,
        /// The 95th percentile given.
        p95: SimDuration,
    },
}

/// The latency model: answers how long links take.
#[derive(Clone, Debug)]
pub struct LatencyModel {
    name: &'static str,
    parameters: LatencyParameters,
}

impl Default for LatencyModel {
    fn default() -> Self {
        Self {
            name: "azure-2026-07",
            parameters: LatencyParameters::default(),
        }
    }
}

impl LatencyModel {
    /// A model of the given numbers.
    pub fn new(mut parameters: LatencyParameters) -> Result<Self, LatencyError> {
        for (name, delay) in [
            ("same_zone", parameters.same_zone),
            ("cross_zone", parameters.cross_zone),
            ("zone_unknown", parameters.zone_unknown),
        ] {
            if delay == SimDuration::ZERO {
                return Err(LatencyError::NoDelay(name));
            }
        }
        // Written so that NaN fails too.
        if !(0.0..=2.0).contains(&parameters.local_sigma) {
            return Err(LatencyError::Sigma(parameters.local_sigma));
        }
        if !(parameters.floor > 0.0 && parameters.floor <= 1.0) {
            return Err(LatencyError::Floor(parameters.floor));
        }
        parameters.unknown_regions.check("unknown_regions")?;
        parameters.region_pairs = std::mem::take(&mut parameters.region_pairs)
            .into_iter()
            .map(|((from, to), rtt)| ((location_id(&from), location_id(&to)), rtt))
            .collect();
        for ((from, to), rtt) in &parameters.region_pairs {
            rtt.check(&format!("{from} {to}"))?;
        }
        let name = if parameters == LatencyParameters::default() {
            "azure-2026-07"
        } else {
            "azure-2026-07, modified"
        };
        Ok(Self { name, parameters })
    }

    /// The name that reports print: `azure-2026-07`, or `azure-2026-07, modified` if any number differs.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The numbers in force.
    pub fn parameters(&self) -> &LatencyParameters {
        &self.parameters
    }

    /// The way of a packet from one place to another, on whatever network path: its draw comes later, packet by packet.
    pub fn link(&self, from: Place<'_>, to: Place<'_>) -> Link {
        let (Some(from_region), Some(to_region)) = (from.region, to.region) else {
            return self.local(Basis::RegionNotGiven);
        };
        let pair = (location_id(from_region), location_id(to_region));
        if let Some(rtt) = self.parameters.region_pairs.get(&pair) {
            return self.between_regions(*rtt, Basis::Overridden);
        }
        if pair.0 == pair.1 {
            return self.local(match (from.zone, to.zone) {
                (Some(a), Some(b)) if a == b => Basis::SameZone,
                (Some(_), Some(_)) => Basis::CrossZone,
                (None, _) | (_, None) => Basis::ZoneUnknown,
            });
        }
        match MATRIX.rtt(&pair.0, &pair.1) {
            Some(rtt) => self.between_regions(rtt, Basis::RegionMatrix),
            None => self.between_regions(self.parameters.unknown_regions, Basis::RegionNotInMatrix),
        }
    }

    /// The way between a host outside Azure and where its place is joined to it: the user's figure, or the model's for the Internet
    /// (L-4), with the jitter of a link inside a region. Never shorter than the shortest link of the model.
    pub fn outside(&self, distance: Distance) -> Link {
        let parameters = &self.parameters;
        let median = match distance {
            Distance::Given(median) => median,
            Distance::Internet => parameters.internet,
        };
        Link::new(
            median.max(parameters.same_zone),
            parameters.local_sigma,
            parameters.floor,
            Basis::Overridden,
        )
    }

    /// Shorthand for `self.link(from, to).one_way(draw)`, where a link is used once.
    pub fn one_way(&self, from: Place<'_>, to: Place<'_>, draw: Draw) -> SimDuration {
        self.link(from, to).one_way(draw)
    }

    /// The shortest time that any link of this model can take: how far a simulation may look ahead.
    pub fn minimum(&self) -> SimDuration {
        let parameters = &self.parameters;
        let local =
            [Basis::SameZone, Basis::CrossZone, Basis::ZoneUnknown].map(|basis| self.local(basis));
        let pairs = parameters
            .region_pairs
            .values()
            .chain([&matrix::SHORTEST, &parameters.unknown_regions])
            .map(|rtt| self.between_regions(*rtt, Basis::RegionMatrix));
        local
            .into_iter()
            .chain(pairs)
            .map(|link| link.minimum())
            .min()
            .unwrap_or_default()
    }

    fn local(&self, basis: Basis) -> Link {
        let parameters = &self.parameters;
        let median = match basis {
            Basis::SameZone => parameters.same_zone,
            Basis::CrossZone => parameters.cross_zone,
            _ => parameters.zone_unknown,
        };
        Link::new(median, parameters.local_sigma, parameters.floor, basis)
    }

    fn between_regions(&self, rtt: RegionRtt, basis: Basis) -> Link {
        let median = SimDuration::from_nanoseconds(rtt.p50.as_nanoseconds() / 2);
        Link::new(median, rtt.one_way_sigma(), self.parameters.floor, basis)
    }
}

impl RegionRtt {
    fn check(self, pair: &str) -> Result<(), LatencyError> {
        // Half a nanosecond one way would be no delay.
        if self.p50 < SimDuration::from_nanoseconds(2) {
            return Err(LatencyError::NoDelay("region pair"));
        }
        let ten_times = self.p50.as_nanoseconds().saturating_mul(10);
        if self.p95 < self.p50 || self.p95.as_nanoseconds() > ten_times {
            return Err(LatencyError::Percentiles {
                pair: pair.to_owned(),
                p50: self.p50,
                p95: self.p95,
            });
        }
        Ok(())
    }

    /// The σ of one direction, such that a round trip of two independent directions has the published 95th percentile.
    ///
    /// A log-normal round trip with that percentile has σ = ln(P95/P50) / z₉₅. The sum of two log-normal delays of equal
    /// median is nearly log-normal again, and Fenton's approximation (equal mean and variance) gives
    /// exp(σ₁²) − 1 = 2 (exp(σ²) − 1) for the σ₁ of each. Of the default matrix, the simulated percentiles are those published
    /// within 1 % for most pairs; the widest pair (4 and 7 ms) comes out 7 % high.
    fn one_way_sigma(self) -> f64 {
        let ratio = self.p95.as_milliseconds_f64() / self.p50.as_milliseconds_f64();
        let round_trip = libm::log(ratio) / NORMAL_P95;
        libm::sqrt(libm::log1p(2.0 * libm::expm1(round_trip * round_trip)))
    }
}

/// What one direction between two places costs a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    median: SimDuration,
    minimum: SimDuration,
    sigma: f64,
    basis: Basis,
}

impl Link {
    fn new(median: SimDuration, sigma: f64, floor: f64, basis: Basis) -> Self {
        // At least 1 ns, or a tiny median would break the look-ahead.
        let minimum = scaled(median, floor).max(SimDuration::from_nanoseconds(1));
        Self {
            median,
            minimum,
            sigma,
            basis,
        }
    }

    /// The time this packet takes.
    pub fn one_way(&self, draw: Draw) -> SimDuration {
        scaled(self.median, libm::exp(self.sigma * draw.normal())).max(self.minimum)
    }

    /// Half of all packets are faster.
    pub fn median(&self) -> SimDuration {
        self.median
    }

    /// No packet is faster.
    pub fn minimum(&self) -> SimDuration {
        self.minimum
    }

    /// What the figures rest on.
    pub fn basis(&self) -> Basis {
        self.basis
    }
}

/// What the latency of a link rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Both ends in one availability zone.
    SameZone,
    /// Two zones of one region.
    CrossZone,
    /// One region; the zone of an end is not known.
    ZoneUnknown,
    /// The published matrix.
    RegionMatrix,
    /// A region pair given by the user.
    Overridden,
    /// Assumed: the input gives no region for an end, so both are taken to be in one.
    RegionNotGiven,
    /// Assumed: a region is not in the matrix, so the pair is taken to be an average one.
    RegionNotInMatrix,
}

impl Basis {
    /// Whether the figure is a stand-in that a report should mention.
    pub const fn is_assumption(self) -> bool {
        match self {
            Self::RegionNotGiven | Self::RegionNotInMatrix => true,
            Self::SameZone
            | Self::CrossZone
            | Self::ZoneUnknown
            | Self::RegionMatrix
            | Self::Overridden => false,
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameZone => "same zone",
            Self::CrossZone => "across zones",
            Self::ZoneUnknown => "same region, zone not known",
            Self::RegionMatrix => "region matrix",
            Self::Overridden => "given for this region pair",
            Self::RegionNotGiven => "region not given, assumed to be the same",
            Self::RegionNotInMatrix => "region not in the matrix, assumed to be an average pair",
        })
    }
}

/// `span` times `factor`, to the nearest nanosecond. `factor` is not negative; what is too long becomes the longest span.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "delays are far below 2^53 ns, and the cast saturates"
)]
fn scaled(span: SimDuration, factor: f64) -> SimDuration {
    SimDuration::from_nanoseconds(libm::round(span.as_nanoseconds() as f64 * factor) as u64)
}

/// The location id of a region: lower case, no spaces. `North Europe` and `northeurope` are one region.
fn location_id(region: &str) -> String {
    region
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Randomness};
    use proptest::prelude::*;

    fn in_region(region: &str) -> Place<'_> {
        Place {
            region: Some(region),
            zone: None,
        }
    }

    fn in_zone(zone: &'static str) -> Place<'static> {
        Place {
            region: Some("northeurope"),
            zone: Some(zone),
        }
    }

    const fn rtt(p50: u64, p95: u64) -> RegionRtt {
        RegionRtt {
            p50: SimDuration::from_milliseconds(p50),
            p95: SimDuration::from_milliseconds(p95),
        }
    }

    fn draw(direction: u64, packet: u64) -> Draw {
        Randomness::from_seed(1).draw(Purpose::LinkLatency, direction, packet, 0)
    }

    #[test]
    fn a_region_has_one_latency_by_either_of_its_names() {
        let model = LatencyModel::default();
        let by_id = model.link(in_region("northeurope"), in_region("westeurope"));
        let by_name = model.link(in_region("North Europe"), in_region("West Europe"));
        assert_eq!(by_id, by_name);
        assert_eq!(by_id.basis(), Basis::RegionMatrix);
        assert_eq!(by_id.median(), SimDuration::from_microseconds(8_500));
        let home = model.link(in_region("North Europe"), in_region("northeurope"));
        assert_eq!(home.basis(), Basis::ZoneUnknown);
    }

    #[test]
    fn each_direction_has_its_own_cell() {
        let model = LatencyModel::default();
        let median = |from, to| model.link(in_region(from), in_region(to)).median();
        assert_eq!(
            median("australiacentral", "australiacentral2"),
            SimDuration::from_microseconds(1_500)
        );
        assert_eq!(
            median("australiacentral2", "australiacentral"),
            SimDuration::from_microseconds(2_000)
        );
    }

    #[test]
    fn inside_a_region_the_zones_decide() {
        let model = LatencyModel::default();
        for (from, to, basis, median) in [
            (in_zone("1"), in_zone("1"), Basis::SameZone, 450),
            (in_zone("1"), in_zone("2"), Basis::CrossZone, 780),
            (
                in_zone("1"),
                in_region("northeurope"),
                Basis::ZoneUnknown,
                500,
            ),
        ] {
            let link = model.link(from, to);
            assert_eq!(link.basis(), basis);
            assert_eq!(link.median(), SimDuration::from_microseconds(median));
            assert!(!basis.is_assumption());
        }
    }

    #[test]
    fn what_the_input_does_not_say_is_marked_as_assumed() {
        let model = LatencyModel::default();
        let nowhere = model.link(Place::default(), in_zone("1"));
        assert_eq!(nowhere.basis(), Basis::RegionNotGiven);
        assert_eq!(nowhere.median(), SimDuration::from_microseconds(500));
        let new_region = model.link(in_region("atlantisnorth"), in_region("northeurope"));
        assert_eq!(new_region.basis(), Basis::RegionNotInMatrix);
        assert_eq!(new_region.median(), SimDuration::from_milliseconds(72));
        assert!(nowhere.basis().is_assumption() && new_region.basis().is_assumption());
        // Two machines in a region that is not in the matrix are still in one region.
        let inside = model.link(in_region("Atlantis North"), in_region("atlantisnorth"));
        assert_eq!(inside.basis(), Basis::ZoneUnknown);
    }

    #[test]
    fn a_given_region_pair_replaces_the_cell_in_its_direction_only() {
        let mut parameters = LatencyParameters::default();
        let pair = ("UK South".to_owned(), "West Europe".to_owned());
        parameters.region_pairs.insert(pair, rtt(8, 8));
        let model = LatencyModel::new(parameters).expect("valid");
        assert_eq!(model.name(), "azure-2026-07, modified");
        let there = model.link(in_region("uksouth"), in_region("westeurope"));
        assert_eq!(there.basis(), Basis::Overridden);
        // P95 = P50: no jitter.
        assert_eq!(there.one_way(draw(0, 0)), SimDuration::from_milliseconds(4));
        let back = model.link(in_region("westeurope"), in_region("uksouth"));
        assert_eq!(back.basis(), Basis::RegionMatrix);
    }

    #[test]
    fn the_unchanged_parameters_keep_the_name() {
        let model = LatencyModel::new(LatencyParameters::default()).expect("valid");
        assert_eq!(model.name(), LatencyModel::default().name());
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let refuse = |change: fn(&mut LatencyParameters)| {
            let mut parameters = LatencyParameters::default();
            change(&mut parameters);
            LatencyModel::new(parameters)
                .expect_err("impossible")
                .to_string()
        };
        let message = refuse(|p| p.cross_zone = SimDuration::ZERO);
        assert_eq!(message, "latency `cross_zone` must be longer than 0");
        let message = refuse(|p| p.local_sigma = f64::NAN);
        assert!(message.contains("`local_sigma`"), "{message}");
        for message in [
            refuse(|p| p.floor = 0.0),
            refuse(|p| p.floor = 1.1),
            refuse(|p| p.floor = f64::NAN),
        ] {
            assert!(message.contains("`floor`"), "{message}");
        }
        let message = refuse(|p| p.unknown_regions = rtt(5, 4));
        assert!(
            message.contains("unknown_regions") && message.contains("4.000 ms"),
            "{message}"
        );
        let message = refuse(|p| {
            let pair = ("West US".to_owned(), "eastus".to_owned());
            p.region_pairs.insert(pair, rtt(5, 51));
        });
        assert!(message.contains("westus eastus"), "{message}");
    }

    /// A round trip of two directions has the published P50 and P95, the widest pairs included.
    #[test]
    fn round_trips_have_the_published_percentiles() {
        const SAMPLES: u64 = 20_000;
        let model = LatencyModel::default();
        for (from, to, tolerance) in [
            ("northeurope", "westeurope", 0.01),
            ("eastus", "japaneast", 0.01),
            ("swedencentral", "norwayeast", 0.05),
            ("australiacentral2", "australiacentral", 0.08),
        ] {
            let (there, back) = (
                model.link(in_region(from), in_region(to)),
                model.link(in_region(to), in_region(from)),
            );
            let mut round_trips: Vec<u64> = (0..SAMPLES)
                .map(|packet| there.one_way(draw(0, packet)) + back.one_way(draw(1, packet)))
                .map(SimDuration::as_nanoseconds)
                .collect();
            round_trips.sort_unstable();
            let published = [MATRIX.rtt(from, to), MATRIX.rtt(to, from)]
                .map(|cell| cell.expect("a pair of the matrix"));
            for (quantile, expected) in [
                (0.5, published.map(|rtt| rtt.p50)),
                (0.95, published.map(|rtt| rtt.p95)),
            ] {
                // The two directions differ; a round trip has half of each.
                let expected = (expected[0] + expected[1]).as_milliseconds_f64() / 2.0;
                let rank =
                    scaled(SimDuration::from_nanoseconds(SAMPLES), quantile).as_nanoseconds();
                let seen = SimDuration::from_nanoseconds(
                    round_trips[usize::try_from(rank).expect("small")],
                )
                .as_milliseconds_f64();
                assert!(
                    (seen / expected - 1.0).abs() < tolerance,
                    "{from} {to}: quantile {quantile} is {seen} ms, published {expected} ms"
                );
            }
        }
    }

    /// The observations of L-2 that `local_sigma` was chosen from.
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    fn round_trips_inside_a_region_are_those_observed() {
        const SAMPLES: u64 = 20_000;
        let model = LatencyModel::default();
        for (to, observed_mean) in [("1", 0.908), ("2", 1.553)] {
            let link = model.link(in_zone("1"), in_zone(to));
            let mut round_trips: Vec<f64> = (0..SAMPLES)
                .map(|packet| link.one_way(draw(0, packet)) + link.one_way(draw(1, packet)))
                .map(SimDuration::as_milliseconds_f64)
                .collect();
            let mean = round_trips.iter().sum::<f64>() / SAMPLES as f64;
            assert!(
                (mean / observed_mean - 1.0).abs() < 0.03,
                "zone {to}: {mean} ms"
            );
            round_trips.sort_unstable_by(f64::total_cmp);
            let p95 = round_trips[round_trips.len() / 20 * 19];
            assert!(p95 < 2.0, "zone {to}: {p95} ms");
        }
    }

    proptest! {
        #[test]
        fn no_packet_beats_the_minimum(
            same_zone in 1_u64..10_000_000, floor in 0.001_f64..=1.0, sigma in 0.0_f64..=2.0, pair in 2_u64..10_000_000,
            packet: u64, seed: u64,
        ) {
            let mut parameters = LatencyParameters { floor, local_sigma: sigma, ..LatencyParameters::default() };
            parameters.same_zone = SimDuration::from_nanoseconds(same_zone);
            let given = RegionRtt { p50: SimDuration::from_nanoseconds(pair), p95: SimDuration::from_nanoseconds(pair * 2) };
            parameters.region_pairs.insert(("uksouth".into(), "westeurope".into()), given);
            let model = LatencyModel::new(parameters).expect("valid");
            let draw = Randomness::from_seed(seed).draw(Purpose::LinkLatency, 0, packet, 0);
            let places = [in_zone("1"), in_zone("2"), in_region("uksouth"), in_region("westeurope"), in_region("nowhere"), Place::default()];
            prop_assert!(model.minimum() > SimDuration::ZERO);
            for from in places {
                for to in places {
                    let link = model.link(from, to);
                    prop_assert!(link.minimum() >= model.minimum());
                    prop_assert!(link.one_way(draw) >= link.minimum());
                    prop_assert_eq!(link.one_way(draw), model.one_way(from, to, draw));
                }
            }
        }
    }
}
