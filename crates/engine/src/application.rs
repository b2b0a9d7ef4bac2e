//! Programs in guests that send probes: `ping` and `traceroute`.
//!
//! sans-IO: a program is told the time and what has arrived; it says what to send, what it has learned, and when it wants to be
//! woken. It knows nothing of networks, and its answers come through whatever the packets met on their way.

use std::collections::VecDeque;

pub use self::probe::{
    Answer, AnswerKind, DEFAULT_TTL, FIRST_SOURCE_PORT, MAX_PAYLOAD, Probe, ProbeKind,
};
use crate::time::{SimDuration, SimTime};

mod probe;

/// A program.
#[derive(Clone, Debug)]
pub enum Application {
    /// Probes at fixed intervals.
    Ping(Ping),
    /// Probes with a growing time to live.
    Traceroute(Traceroute),
}

/// What a program wants done.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// IPv4 datagrams to send, in this order.
    pub datagrams: Vec<Vec<u8>>,
    /// What it has learned, in this order.
    pub events: Vec<ProbeEvent>,
}

/// What happened to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeEvent {
    /// Its number, from 1.
    pub sequence: u64,
    /// The time to live it left the guest with.
    pub ttl: u8,
    /// When it left.
    pub sent: SimTime,
    /// What happened.
    pub outcome: ProbeOutcome,
}

/// What happened to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// It was handed to the NIC.
    Sent,
    /// An answer came in time.
    Answered {
        /// The answer.
        answer: Answer,
        /// From the probe's departure to the answer's arrival.
        round_trip: SimDuration,
    },
    /// No answer came in time; a later one is ignored.
    TimedOut,
}

impl Application {
    /// When [`Application::wake`] has to be called; `None` when the program has ended.
    pub fn wake_at(&self) -> Option<SimTime> {
        match self {
            Self::Ping(ping) => ping.wake_at(),
            Self::Traceroute(traceroute) => traceroute.wake_at(),
        }
    }

    /// Does what is due at `now`. Waking too early or too often does no harm.
    pub fn wake(&mut self, now: SimTime, effects: &mut Effects) {
        match self {
            Self::Ping(ping) => ping.wake(now, effects),
            Self::Traceroute(traceroute) => traceroute.wake(now, effects),
        }
    }

    /// Takes an IPv4 datagram that has reached the guest. False: it is not for this program.
    pub fn receive(&mut self, datagram: &[u8], now: SimTime, effects: &mut Effects) -> bool {
        let pending = match self {
            Self::Ping(ping) => &mut ping.pending,
            Self::Traceroute(traceroute) => &mut traceroute.pending,
        };
        let Some((number, answer)) = pending.probe.answer(datagram) else {
            return false;
        };
        // An answer to a probe that was given up, or a second one, is ours but says nothing new.
        let Some(outstanding) = pending.take(|outstanding| number.fits(outstanding.sequence))
        else {
            return true;
        };
        effects
            .datagrams
            .extend(pending.probe.response(outstanding.sequence, &answer));
        let round_trip = now - outstanding.sent;
        effects
            .events
            .push(outstanding.event(ProbeOutcome::Answered { answer, round_trip }));
        if let Self::Traceroute(traceroute) = self {
            traceroute.answered(outstanding.ttl, &answer, now, effects);
        }
        true
    }
}

/// Sends a number of probes at fixed intervals and waits for each.
#[derive(Clone, Debug)]
pub struct Ping {
    pending: Pending,
    count: u64,
    interval: SimDuration,
    ttl: u8,
    next_sequence: u64,
    next_send: SimTime,
}

impl Ping {
    /// `count` probes, the first at time 0, one every `interval`; each is given up after `timeout`.
    pub fn new(
        probe: Probe,
        count: u64,
        interval: SimDuration,
        timeout: SimDuration,
        ttl: u8,
    ) -> Self {
        Self {
            pending: Pending::new(probe, timeout),
            count,
            interval,
            ttl,
            next_sequence: 1,
            next_send: SimTime::ZERO,
        }
    }

    fn wake_at(&self) -> Option<SimTime> {
        let send = (self.next_sequence <= self.count).then_some(self.next_send);
        send.into_iter().chain(self.pending.deadline()).min()
    }

    fn wake(&mut self, now: SimTime, effects: &mut Effects) {
        self.pending.give_up(now, effects);
        // One at a time: with an interval of 0 the next one is due in the same moment, by another call.
        if self.next_sequence <= self.count && self.next_send <= now {
            self.pending
                .send(self.next_sequence, self.ttl, now, effects);
            self.next_sequence += 1;
            self.next_send += self.interval;
        }
    }
}

/// Sends probes with time to live 1, 2, 3, ... until the destination answers. One probe is under way at a time.
#[derive(Clone, Debug)]
pub struct Traceroute {
    pending: Pending,
    per_hop: u64,
    max_hops: u8,
    next_sequence: u64,
    /// The probe after the present one, unless the ladder has ended.
    next_send: Option<SimTime>,
    /// A probe of the present hop has reached an end: no higher hop is tried.
    reached: bool,
}

impl Traceroute {
    /// `per_hop` probes for each hop from 1 to `max_hops` at most; each is given up after `timeout`.
    pub fn new(probe: Probe, per_hop: u8, max_hops: u8, timeout: SimDuration) -> Self {
        Self {
            pending: Pending::new(probe, timeout),
            per_hop: u64::from(per_hop.max(1)),
            max_hops,
            next_sequence: 1,
            next_send: (max_hops > 0).then_some(SimTime::ZERO),
            reached: false,
        }
    }

    fn wake_at(&self) -> Option<SimTime> {
        self.next_send.or_else(|| self.pending.deadline())
    }

    fn wake(&mut self, now: SimTime, effects: &mut Effects) {
        if self.pending.give_up(now, effects) {
            self.schedule(now);
        }
        self.send_if_due(now, effects);
    }

    fn answered(&mut self, ttl: u8, answer: &Answer, now: SimTime, effects: &mut Effects) {
        // Whoever cannot pass the probe on ends the ladder as well as the destination does; only the first says "not me".
        self.reached |=
            answer.kind != AnswerKind::TimeExceeded && ttl == self.ttl_of(self.next_sequence - 1);
        self.schedule(now);
        self.send_if_due(now, effects);
    }

    /// The probe under way has ended: the next one leaves at once, unless the ladder has come to its end.
    fn schedule(&mut self, now: SimTime) {
        let hop_done = (self.next_sequence - 1).is_multiple_of(self.per_hop);
        let last_hop = self.reached || self.ttl_of(self.next_sequence - 1) >= self.max_hops;
        self.next_send = (!(hop_done && last_hop)).then_some(now);
    }

    fn send_if_due(&mut self, now: SimTime, effects: &mut Effects) {
        if self.next_send.is_some_and(|due| due <= now) {
            let ttl = self.ttl_of(self.next_sequence);
            self.pending.send(self.next_sequence, ttl, now, effects);
            self.next_sequence += 1;
            self.next_send = None;
        }
    }

    /// The hop that probe number `sequence` tries.
    fn ttl_of(&self, sequence: u64) -> u8 {
        let hop = (sequence - 1) / self.per_hop + 1;
        u8::try_from(hop).unwrap_or(u8::MAX)
    }
}

/// Probes under way, the oldest first.
#[derive(Clone, Debug)]
struct Pending {
    probe: Probe,
    timeout: SimDuration,
    outstanding: VecDeque<Outstanding>,
}

#[derive(Clone, Copy, Debug)]
struct Outstanding {
    sequence: u64,
    ttl: u8,
    sent: SimTime,
}

impl Outstanding {
    fn event(self, outcome: ProbeOutcome) -> ProbeEvent {
        ProbeEvent {
            sequence: self.sequence,
            ttl: self.ttl,
            sent: self.sent,
            outcome,
        }
    }
}

impl Pending {
    fn new(probe: Probe, timeout: SimDuration) -> Self {
        Self {
            probe,
            timeout,
            outstanding: VecDeque::new(),
        }
    }

    /// When the oldest probe is given up.
    fn deadline(&self) -> Option<SimTime> {
        Some(self.outstanding.front()?.sent + self.timeout)
    }

    fn send(&mut self, sequence: u64, ttl: u8, now: SimTime, effects: &mut Effects) {
        let outstanding = Outstanding {
            sequence,
            ttl,
            sent: now,
        };
        self.outstanding.push_back(outstanding);
        effects.datagrams.push(self.probe.datagram(sequence, ttl));
        effects.events.push(outstanding.event(ProbeOutcome::Sent));
    }

    /// Gives up what is overdue; true if there was any.
    fn give_up(&mut self, now: SimTime, effects: &mut Effects) -> bool {
        let mut any = false;
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            let overdue = self.outstanding.pop_front();
            let event = overdue.map(|outstanding| outstanding.event(ProbeOutcome::TimedOut));
            effects.events.extend(event);
            any = true;
        }
        any
    }

    /// The oldest probe that is meant, taken out.
    fn take(&mut self, meant: impl Fn(&Outstanding) -> bool) -> Option<Outstanding> {
        let position = self.outstanding.iter().position(meant)?;
        self.outstanding.remove(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{Icmpv4Type, PacketBuilder, icmpv4::TimeExceededCode};
    use std::net::Ipv4Addr;

    const HERE: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 4);
    const THERE: Ipv4Addr = Ipv4Addr::new(10, 2, 1, 4);
    const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

    fn probe() -> Probe {
        Probe {
            source: HERE,
            destination: THERE,
            kind: ProbeKind::Echo {
                identifier: 1,
                payload: 8,
            },
            dont_fragment: false,
        }
    }

    fn milliseconds(n: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_milliseconds(n)
    }

    fn reply(sequence: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        let step = PacketBuilder::ipv4(THERE.octets(), HERE.octets(), 64);
        step.icmpv4_echo_reply(1, sequence)
            .write(&mut bytes, &[0; 8])
            .unwrap();
        bytes
    }

    fn exceeded(request: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let step = PacketBuilder::ipv4(ROUTER.octets(), HERE.octets(), 64);
        step.icmpv4(Icmpv4Type::TimeExceeded(
            TimeExceededCode::TtlExceededInTransit,
        ))
        .write(&mut bytes, &request[..28])
        .unwrap();
        bytes
    }

    /// Sequence numbers and what happened to them.
    fn told(effects: &mut Effects) -> Vec<(u64, &'static str)> {
        effects.datagrams.clear();
        effects
            .events
            .drain(..)
            .map(|event| {
                let outcome = match event.outcome {
                    ProbeOutcome::Sent => "sent",
                    ProbeOutcome::Answered { .. } => "answered",
                    ProbeOutcome::TimedOut => "timed out",
                };
                (event.sequence, outcome)
            })
            .collect()
    }

    #[test]
    fn ping_sends_waits_and_gives_up_in_time() {
        let mut ping = Application::Ping(Ping::new(
            probe(),
            2,
            SimDuration::from_seconds(1),
            SimDuration::from_milliseconds(1_500),
            64,
        ));
        let mut effects = Effects::default();
        assert_eq!(ping.wake_at(), Some(SimTime::ZERO));
        ping.wake(SimTime::ZERO, &mut effects);
        assert_eq!(told(&mut effects), [(1, "sent")]);

        assert_eq!(ping.wake_at(), Some(milliseconds(1_000)));
        ping.wake(milliseconds(1_000), &mut effects);
        assert_eq!(told(&mut effects), [(2, "sent")]);

        assert!(ping.receive(&reply(2), milliseconds(1_003), &mut effects));
        let ProbeOutcome::Answered { round_trip, .. } = effects.events[0].outcome else {
            panic!("{:?}", effects.events);
        };
        assert_eq!(round_trip, SimDuration::from_milliseconds(3));
        assert_eq!(told(&mut effects), [(2, "answered")]);

        assert_eq!(ping.wake_at(), Some(milliseconds(1_500)));
        ping.wake(milliseconds(1_500), &mut effects);
        assert_eq!(told(&mut effects), [(1, "timed out")]);
        assert_eq!(ping.wake_at(), None, "the program has ended");

        assert!(
            ping.receive(&reply(1), milliseconds(1_501), &mut effects),
            "late, but ours"
        );
        assert_eq!(told(&mut effects), []);
        assert!(!ping.receive(&[0; 20], milliseconds(1_502), &mut effects));
    }

    #[test]
    fn an_interval_of_zero_sends_everything_in_one_moment() {
        let second = SimDuration::from_seconds(1);
        let mut ping = Application::Ping(Ping::new(probe(), 3, SimDuration::ZERO, second, 64));
        let mut effects = Effects::default();
        let mut calls = 0;
        while ping.wake_at() == Some(SimTime::ZERO) {
            ping.wake(SimTime::ZERO, &mut effects);
            calls += 1;
        }
        assert_eq!(calls, 3);
        assert_eq!(told(&mut effects), [(1, "sent"), (2, "sent"), (3, "sent")]);
    }

    #[test]
    fn the_ladder_ends_where_the_destination_answers() {
        let second = SimDuration::from_seconds(1);
        let mut ladder = Application::Traceroute(Traceroute::new(probe(), 2, 30, second));
        let mut effects = Effects::default();
        ladder.wake(SimTime::ZERO, &mut effects);
        assert_eq!(effects.events[0].ttl, 1);
        let request = effects.datagrams[0].clone();
        assert_eq!(request[8], 1, "the TTL in the header");
        effects = Effects::default();

        ladder.receive(&exceeded(&request), milliseconds(1), &mut effects);
        assert_eq!(effects.events[1].ttl, 1, "the second probe of the hop");
        assert_eq!(told(&mut effects), [(1, "answered"), (2, "sent")]);

        ladder.wake(milliseconds(1_001), &mut effects);
        assert_eq!(effects.events[1].ttl, 2);
        assert_eq!(told(&mut effects), [(2, "timed out"), (3, "sent")]);

        ladder.receive(&reply(3), milliseconds(1_002), &mut effects);
        assert_eq!(told(&mut effects), [(3, "answered"), (4, "sent")]);
        ladder.receive(&reply(4), milliseconds(1_003), &mut effects);
        assert_eq!(told(&mut effects), [(4, "answered")]);
        assert_eq!(ladder.wake_at(), None);
    }

    #[test]
    fn silence_ends_the_ladder_at_the_highest_hop() {
        let second = SimDuration::from_seconds(1);
        let mut ladder = Application::Traceroute(Traceroute::new(probe(), 3, 4, second));
        let mut effects = Effects::default();
        while let Some(now) = ladder.wake_at() {
            ladder.wake(now, &mut effects);
        }
        let ttls: Vec<u8> = effects
            .events
            .iter()
            .filter(|event| event.outcome == ProbeOutcome::Sent)
            .map(|event| event.ttl)
            .collect();
        assert_eq!(ttls, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    }
}
