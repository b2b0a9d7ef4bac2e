//! What the walk asks of the memory.

use model::Direction;

use super::{FusedFlows, expand, span_of};
use crate::answers::Subject;
use crate::faults::{Fault, planted};
use crate::flow::key::FlowKey;
use crate::flow::pair::{Life, Pair, Tick, ticks};
use crate::flow::{ICMP_IDLE, Known, Pairs, TableFull, Terms};
use crate::nat::Nat;
use crate::packet::{FiveTuple, Packet, protocol};
use crate::recorder::Visit;
use crate::time::SimTime;

impl Pairs for FusedFlows {
    fn recall(&mut self, visit: Visit, packet: &Packet, now: SimTime) -> Option<Known> {
        self.turn_to(packet.tuple(), now);
        let current = &mut self.current;
        let course = current.key.course_at(current.course, visit.direction);
        let number = current.position(visit.nic, course.leaving(visit.direction))?;
        let pair = &mut current.pairs[number];
        if pair.is_reused_by(packet) {
            return None;
        }
        pair.see(course, packet, Tick::of(now));
        let known = Known {
            initiator: if pair.initiator == pair.leaves {
                Direction::Outbound
            } else {
                Direction::Inbound
            },
            subject: Subject {
                tuple: current.key.tuple(pair.initiator),
                icmp_type: pair.icmp_type,
            },
            admitted_in: if planted(Fault::FlushNotHonoured) {
                u32::MAX
            } else {
                pair.admitted_in
            },
        };
        let span = pair.span();
        if let Some(limit) = &mut self.limit {
            limit.note(now + span_of(span));
        }
        Some(known)
    }

    fn create(
        &mut self,
        visit: Visit,
        packet: &Packet,
        terms: Terms,
        now: SimTime,
    ) -> Result<(), TableFull> {
        self.turn_to(packet.tuple(), now);
        let course = self.current.course;
        let course = self.current.key.course_at(course, visit.direction);
        let leaves = course.leaving(visit.direction);
        let known = self.current.position(visit.nic, leaves);
        if let Some(number) = known
            && let pair = &mut self.current.pairs[number]
            && !pair.is_reused_by(packet)
        {
            pair.admitted_in = terms.admitted_in; // judged again after a flush (S-22)
            return Ok(());
        }
        if known.is_none() && !self.has_room(visit.nic, now) {
            return Err(TableFull);
        }
        let mut pair = Pair {
            nic: visit.nic,
            leaves,
            initiator: course,
            icmp_type: Subject::of(packet).icmp_type,
            admitted_in: terms.admitted_in,
            idle: ticks(match packet.tuple().protocol {
                protocol::ICMP => ICMP_IDLE,
                _ => terms.idle,
            }),
            seen: Tick::of(now),
            life: Life::default(),
        };
        pair.see(course, packet, Tick::of(now));
        match known {
            Some(number) => self.current.pairs[number] = pair,
            None => self.current.pairs.push(pair),
        }
        if let Some(limit) = &mut self.limit {
            limit.note(now + span_of(pair.span()));
            if known.is_none() {
                limit.claim(visit.nic);
            }
        }
        Ok(())
    }

    fn forget(&mut self, visit: Visit, packet: &Packet) {
        // The packet has just been recalled: its conversation is out.
        let (key, course) = FlowKey::of(packet.tuple());
        let leaves = key
            .course_at(course, visit.direction)
            .leaving(visit.direction);
        if let Some(number) = self.current.position(visit.nic, leaves) {
            self.current.pairs.swap_remove(number);
            if let Some(limit) = &mut self.limit {
                limit.release(visit.nic);
            }
        }
    }

    fn knows_quoted(&self, visit: Visit, quoted: FiveTuple, now: SimTime) -> bool {
        // The packet that an error is about went the other way.
        let (key, course) = FlowKey::of(quoted.reversed());
        let leaves = key
            .course_at(course, visit.direction)
            .leaving(visit.direction);
        let is_it = |pair: &Pair| {
            pair.nic == visit.nic && pair.leaves == leaves && pair.lives(Tick::of(now))
        };
        let mut fused = Vec::new();
        if let Some(position) = self.entries.find(key, key.hash())
            && !planted(Fault::QuotedAmongStraysOnly)
        {
            expand(&self.programs, self.entries.get(position), &mut fused);
        }
        let out = (self.current.key == key).then_some(self.current.pairs.as_slice());
        let mut pairs = fused
            .iter()
            .chain(self.strays.of(key))
            .chain(out.unwrap_or_default());
        pairs.any(is_it)
    }

    fn nat(&mut self) -> &mut Nat {
        &mut self.nat
    }

    fn remember_fragment(&mut self, visit: Visit, first: &Packet, now: SimTime) {
        if !planted(Fault::FirstFragmentForgotten) {
            self.fragments.remember(visit, first, now);
        }
    }

    fn recall_fragment(&mut self, visit: Visit, later: &Packet, now: SimTime) -> Option<FiveTuple> {
        self.fragments.recall(visit, later, now)
    }
}
