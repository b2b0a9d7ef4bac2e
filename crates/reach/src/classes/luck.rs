//! What hashes choose between, and how ways fork there: every member is followed, each on a share of all hashes.
//!
//! Packets of one five-tuple draw the same number wherever they are balanced, in both directions (R-25, G-2); equal routes draw a number for
//! each direction. Whoever puts another address into a packet gives it another five-tuple, and so other numbers: that begins
//! another leg.

use control::Snapshot;
use control::snapshot::{FibEntry, FrontendId, Health};
use dataplane::packet::protocol;
use model::{GatewayId, NicId};

use super::routes::{Lead, lead_of};
use super::rules::Shown;
use super::spans::Spans;

/// The share of all hashes: a number that the usual counts of members divide.
pub(super) const ALL: u64 = 720_720 * 720_720;

/// A number that a hash draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Draw {
    /// Of the five-tuple of a leg, in either direction.
    Flow(usize),
    /// Of the five-tuple of a leg, on the way there.
    There(usize),
    /// The same on the way back.
    Back(usize),
}

/// The hashes for which packets go one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Luck {
    /// What was drawn, modulo what.
    drawn: Vec<(Draw, u64, u64)>,
    share: u64,
}

impl Luck {
    /// Any hash.
    pub(super) fn any() -> Self {
        Self {
            drawn: Vec::new(),
            share: ALL,
        }
    }

    /// How many of the hashes, of [`ALL`].
    pub(super) fn share(&self) -> u64 {
        self.share
    }

    /// Whether all hashes lead this way.
    pub(super) fn is_any(&self) -> bool {
        self.share == ALL
    }

    /// The positions below `count` that may be drawn, and the hashes for each; `None`: too many to follow.
    pub(super) fn draw(&self, draw: Draw, count: usize) -> Option<Vec<(usize, Self)>> {
        let count = count as u64;
        let known = self.drawn.iter().position(|&(known, ..)| known == draw);
        let (modulus, residue) = known.map_or((1, 0), |at| (self.drawn[at].1, self.drawn[at].2));
        let ways = count / gcd(modulus, count);
        if !self.share.is_multiple_of(ways) {
            return None;
        }
        let drawn = (0..ways).map(|number| {
            let residue = residue + number * modulus;
            let mut luck = self.clone();
            luck.share /= ways;
            let entry = (draw, modulus * ways, residue);
            match known {
                Some(at) => luck.drawn[at] = entry,
                None => luck.drawn.push(entry),
            }
            (usize::try_from(residue % count).unwrap_or(0), luck)
        });
        Some(drawn.collect())
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The columns that come through on all of the hashes. `ways`: what comes through, and its share.
pub(super) fn through<'a>(ways: impl Iterator<Item = (&'a Spans, u64)>, all: u64) -> Spans {
    let mut changes: Vec<(u32, bool, u64)> = Vec::new();
    for (columns, share) in ways {
        for &(start, end) in columns.as_slice() {
            changes.push((start, true, share));
            changes.push((end, false, share));
        }
    }
    changes.sort_unstable();
    let mut through = Spans::default();
    let (mut sum, mut since) = (0, 0);
    for group in changes.chunk_by(|one, other| one.0 == other.0) {
        let at = group[0].0;
        if sum >= all {
            through.push((since, at));
        }
        // What ends comes before what begins.
        for &(_, begins, share) in group {
            sum = if begins { sum + share } else { sum - share };
        }
        since = at;
    }
    through
}

/// A flow as what balances it sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Balanced {
    pub(super) shown: Shown,
    pub(super) leg: usize,
    pub(super) is_reply: bool,
}

impl Balanced {
    /// To what a lead comes down once hashes have chosen, and the hashes for each.
    pub(super) fn chosen(
        self,
        snapshot: &Snapshot,
        shared: &[Vec<FibEntry>],
        lead: Lead,
        luck: &Luck,
    ) -> Vec<(Lead, Luck)> {
        let flow = Draw::Flow(self.leg);
        let of_nics = |nics: &[NicId], lead: fn(NicId) -> Lead| {
            if nics.is_empty() {
                return vec![(Lead::Nowhere, luck.clone())];
            }
            let Some(drawn) = luck.draw(flow, nics.len()) else {
                return vec![(Lead::Odd, luck.clone())];
            };
            let drawn = drawn.into_iter();
            drawn
                .map(|(position, luck)| (lead(nics[position]), luck))
                .collect()
        };
        match lead {
            Lead::Frontend(frontend) => of_nics(&self.members(snapshot, frontend), Lead::Nic),
            Lead::Gateway(gateway) => of_nics(instances(snapshot, gateway), Lead::Nic),
            Lead::Tunnelled(gateway) => of_nics(instances(snapshot, gateway), Lead::Instance),
            Lead::Shared(group) => {
                let entries = shared
                    .get(usize::from(group))
                    .map_or(&[][..], Vec::as_slice);
                if entries.is_empty() {
                    return vec![(Lead::Nowhere, luck.clone())];
                }
                let draw = if self.is_reply {
                    Draw::Back(self.leg)
                } else {
                    Draw::There(self.leg)
                };
                let Some(drawn) = luck.draw(draw, entries.len()) else {
                    return vec![(Lead::Odd, luck.clone())];
                };
                drawn
                    .into_iter()
                    .flat_map(|(position, luck)| {
                        let lead = match lead_of(snapshot, Some(entries[position].next_hop)) {
                            // A group holds no groups, and whose address it is no group of next hops says.
                            Some(Lead::Shared(_)) => Lead::Nowhere,
                            Some(Lead::Owners(_)) | None => Lead::Odd,
                            Some(lead) => lead,
                        };
                        self.chosen(snapshot, shared, lead, &luck)
                    })
                    .collect()
            }
            lead => vec![(lead, luck.clone())],
        }
    }

    /// the members of the rule that takes the flow that are up.
    fn members(self, snapshot: &Snapshot, frontend: FrontendId) -> Vec<NicId> {
        let has_ports = matches!(self.shown.protocol, protocol::TCP | protocol::UDP);
        let port = self.shown.destination_port.filter(|_| has_ports);
        let rule = snapshot
            .frontend(frontend)
            .rule_for(self.shown.protocol, port);
        let members = rule.map_or(&[][..], |(_, rule)| &rule.members);
        let up = members.iter().filter(|member| member.health == Health::Up);
        up.map(|member| member.nic).collect()
    }
}

fn instances(snapshot: &Snapshot, gateway: GatewayId) -> &[NicId] {
    snapshot
        .gateway(gateway)
        .map_or(&[][..], |gateway| &gateway.instances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_drawn_among_two_draws_the_same_again_and_among_six_one_of_three() {
        let luck = Luck::any();
        let halves = luck.draw(Draw::Flow(0), 2).unwrap();
        assert_eq!(halves.len(), 2);
        for (position, half) in halves {
            let again = half.draw(Draw::Flow(0), 2).unwrap();
            assert_eq!(again, [(position, half.clone())]);
            let sixths = half.draw(Draw::Flow(0), 6).unwrap();
            assert_eq!(sixths.len(), 3);
            assert!(sixths.iter().all(|(of_six, _)| of_six % 2 == position));
            assert!(sixths.iter().all(|(_, sixth)| sixth.share() == ALL / 6));
            assert_eq!(half.draw(Draw::Back(0), 2).unwrap().len(), 2);
        }
    }

    #[test]
    fn columns_come_through_where_the_shares_add_up_to_all() {
        let of = |spans: &[(u32, u32)]| Spans::of(spans.to_vec());
        let (one, other) = (of(&[(0, 6)]), of(&[(2, 8)]));
        let ways = [(&one, ALL / 2), (&other, ALL / 2)];
        assert_eq!(through(ways.into_iter(), ALL), of(&[(2, 6)]));
    }
}
