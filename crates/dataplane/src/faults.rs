//! Mistakes that a test plants into the forwarding core to see that it would find them. Outside tests nobody makes any, and every
//! question after one vanishes.

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident,)+) => {
        /// A mistake that somebody could make.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault { $($(#[$doc])* $fault,)+ }

        #[cfg(test)]
        impl Fault {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$fault,)+];
        }
    };
}

faults! {
    // Reading headers.
    /// The IPv4 checksum is not verified.
    ChecksumUnread,
    /// A fragment is read as a whole packet.
    FragmentReadAsWhole,
    /// Padding goes on with the packet.
    PaddingKept,
    /// The length of a UDP datagram is believed.
    UdpLengthUnread,
    // Replaying.
    /// An entry answers whatever the generation.
    GenerationIgnored,
    /// A packet passes more routers than its TTL allows.
    TtlIgnored,
    /// An entry answers for packets of any NIC.
    StartIgnored,
    /// An entry answers however long its pairs were idle.
    IdleIgnored,
    /// A closed connection goes on.
    ClosedReplayed,
    /// FIN and RST pass unseen.
    EndingUnseen,
    /// A connection ends in an entry whose courses have pairs of their own.
    EndingOfTwoWays,
    /// A packet refreshes pairs that only the other course passes.
    OtherCourseRefreshed,
    /// The frame keeps the station it was sent to.
    StationKept,
    /// The checksum follows one router only.
    ChecksumOfOneRouter,
    /// A packet that zero routers pass has its checksum spelled anew.
    ChecksumRespelled,
    /// A service is taken for a guest.
    ServiceTakenForGuest,
    /// A packet arrives before those of its flow that still wait.
    Overtaken,
    // Splitting and fusing.
    /// The pairs of appliances are forgotten when an entry is split.
    AppliancesForgotten,
    /// Both directions of a visit have one pair.
    DirectionLost,
    /// A five-tuple that is its own reverse has two pairs at an appliance.
    ReverseRememberedTwice,
    /// What rules saw of an ICMP flow is forgotten.
    IcmpTypeLost,
    /// Whoever is seen last has begun the flow.
    InitiatorLost,
    /// Pairs count as admitted by the rules of the present.
    AdmittedAnew,
    /// Pairs of different lives become one entry.
    LivesMixed,
    /// An entry lives as long as the longest of its pairs.
    LongestIdleTaken,
    /// The way back is known although it led to another NIC.
    EndNotCompared,
    /// The two courses are taken to have the same pairs.
    CoursesNotCompared,
    /// A number is given to another way while entries hold it.
    NumberReused,
    /// What a stateful or translating guest does is taken to be always the same.
    MemoryOfGuestsIgnored,
    /// A conversation is fused that packets of others turn into.
    StandInsFused,
    /// What a translation needed is not put back.
    TranslatedLost,
    // Following others.
    /// A packet follows others into a NIC that is full.
    TrailOfAFullNic,
    /// A packet that ends its connection follows others.
    TrailOfAnEnd,
    /// A packet follows others although pairs of its own are among the strays.
    TrailOverStrays,
    /// A packet follows others of an earlier generation.
    TrailOfThePast,
    /// A packet follows others, whatever its own answers are.
    TrailNotAsked,
    /// A packet follows others whose pairs are different ones.
    TrailOfOtherPairs,
    /// A packet follows others although another side has begun their flow.
    TrailOfBothSides,
    /// A packet follows others that came from another NIC.
    TrailOfAnybody,
    /// A packet follows others although a hash over its ports chooses its way.
    TrailOfAHash,
    // Pairs.
    /// What has expired is found.
    ExpiredFound,
    /// Packets behind its end keep a connection.
    LingerExtended,
    /// A new connection passes as part of the closed one between the same ports.
    ReuseUnseen,
    /// `flushConnection` has no effect.
    FlushNotHonoured,
    /// What expires still counts.
    LimitNotReleased,
    /// A NIC that is full never has room again.
    LimitNotLookedAt,
    /// An error about a flow finds strays only.
    QuotedAmongStraysOnly,
    /// First fragments are not remembered.
    FirstFragmentForgotten,
    /// A long pause is taken modulo 2³² milliseconds.
    PauseWraps,
    // The table.
    /// A removed entry leaves a gap in a run of probes.
    GapLeft,
    /// An entry is lost when the table grows.
    GrowthLoses,
    /// The sweep takes an entry when its first pair has expired.
    SweptTooEarly,
    // Answers asked ahead.
    /// Admin rules are not asked.
    AdminRulesSkipped,
    /// Only the first of two groups is asked.
    SecondGroupSkipped,
    /// The rules' answer of another packet is taken.
    OtherLane,
    /// Rules that were not asked ahead count as passed: a NIC's first rules have no effect on flows that run.
    UnaskedPasses,
}

/// Whether this mistake is made now.
#[cfg(not(test))]
#[inline]
pub(crate) const fn planted(_: Fault) -> bool {
    false
}

/// A check, unless the mistake is made of leaving it out.
#[inline]
pub(crate) fn holds(check: bool, unless: Fault) -> bool {
    check | planted(unless)
}

#[cfg(test)]
pub(crate) use self::testing::{make, plant, planted};

#[cfg(test)]
mod testing {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
        /// What the core shares with the oracle makes no mistakes for the oracle.
        static MAKING: Cell<bool> = const { Cell::new(false) };
    }

    pub(crate) fn planted(fault: Fault) -> bool {
        MAKING.get() && PLANTED.get() == Some(fault)
    }

    /// Chooses the mistake of this thread.
    pub(crate) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }

    /// Begins and ends making it.
    pub(crate) fn make(on: bool) {
        MAKING.set(on);
    }
}
