//! What became of packets, and the proof that none got lost on the way.

use std::fmt;
use std::ops::AddAssign;

use crate::dropped::DropReason;

/// Counts packets. Fragments count as packets of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Made by guests: by programs, as replies, as ICMP errors.
    pub originated: u64,
    /// Pieces beyond the first into which packets were cut.
    pub extra_fragments: u64,
    /// Passed on by appliances and gateways; makes nothing and ends nothing.
    pub forwarded: u64,
    /// Taken by a guest.
    pub delivered: u64,
    /// Left the simulated world: to the Internet, Azure services, hosts outside Azure, the platform.
    pub departed: u64,
    /// By [`DropReason`], in the order of [`DropReason::ALL`].
    dropped: [u64; DropReason::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            originated: 0,
            extra_fragments: 0,
            forwarded: 0,
            delivered: 0,
            departed: 0,
            dropped: [0; DropReason::ALL.len()],
        }
    }
}

impl Counters {
    /// Counts a drop.
    pub fn drop_one(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    /// Packets that were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// The reasons for which packets were dropped, with their numbers.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL
            .iter()
            .map(|&reason| (reason, self.dropped(reason)))
            .filter(|&(_, packets)| packets > 0)
    }

    /// What was counted since `earlier`, a former state of the same counters.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            originated: self.originated - earlier.originated,
            extra_fragments: self.extra_fragments - earlier.extra_fragments,
            forwarded: self.forwarded - earlier.forwarded,
            delivered: self.delivered - earlier.delivered,
            departed: self.departed - earlier.departed,
            dropped: std::array::from_fn(|reason| self.dropped[reason] - earlier.dropped[reason]),
        }
    }

    /// Checks that every packet is accounted for, `in_flight` of them being under way.
    pub fn check(&self, in_flight: u64) -> Result<(), NotConserved> {
        let dropped: u64 = self.dropped.iter().sum();
        let (made, ended) = (
            self.originated + self.extra_fragments,
            self.delivered + self.departed + dropped + in_flight,
        );
        if made == ended {
            return Ok(());
        }
        Err(NotConserved {
            counters: Box::new(self.clone()),
            in_flight,
        })
    }
}

impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        self.originated += other.originated;
        self.extra_fragments += other.extra_fragments;
        self.forwarded += other.forwarded;
        self.delivered += other.delivered;
        self.departed += other.departed;
        for (sum, one) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += one;
        }
    }
}

/// Packets appeared or vanished: a fault of the simulator, never of the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NotConserved {
    counters: Box<Counters>,
    in_flight: u64,
}

impl fmt::Display for NotConserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = &self.counters;
        write!(
            f,
            "packets are not conserved: {} originated + {} extra fragments, but {} delivered + {} departed + {} in flight",
            counters.originated,
            counters.extra_fragments,
            counters.delivered,
            counters.departed,
            self.in_flight
        )?;
        counters
            .drops()
            .try_for_each(|(reason, packets)| write!(f, " + {packets} {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let mut counters = Counters::default();
        for &reason in DropReason::ALL {
            counters.drop_one(reason);
        }
        assert!(
            DropReason::ALL
                .iter()
                .all(|&reason| counters.dropped(reason) == 1)
        );
    }

    #[test]
    fn what_was_counted_since_is_what_has_to_be_added() {
        let mut earlier = Counters {
            originated: 5,
            delivered: 3,
            ..Counters::default()
        };
        earlier.drop_one(DropReason::RouteNone);
        let mut later = earlier.clone();
        later.originated += 4;
        later.departed += 1;
        later.drop_one(DropReason::RouteNone);
        let mut sum = earlier.clone();
        sum += &later.since(&earlier);
        assert_eq!(sum, later);
        assert_eq!(later.since(&earlier).dropped(DropReason::RouteNone), 1);
    }

    #[test]
    fn a_lost_packet_is_noticed_and_told_with_all_figures() {
        let mut counters = Counters {
            originated: 5,
            extra_fragments: 1,
            delivered: 2,
            departed: 1,
            ..Counters::default()
        };
        counters.drop_one(DropReason::RouteNone);
        assert_eq!(counters.check(2), Ok(()));
        let error = counters.check(1).expect_err("one is missing");
        assert_eq!(
            error.to_string(),
            "packets are not conserved: 5 originated + 1 extra fragments, but 2 delivered + 1 departed + 1 in flight + 1 route-none"
        );
    }
}
