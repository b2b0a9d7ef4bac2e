//! A capture as traffic: its packets enter where their senders are, again and again.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use dataplane::Packet;
use dataplane::forward::{BURST, shards::Shards};
use engine::forward::{Chunk, Source, Supply};
use engine::time::{SimDuration, SimTime};
use formats::capture::{self, Capture};
use model::{Network, NicId};
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::Failure;

/// Packets this far apart may enter in one burst: far below any idle time.
const TOGETHER: SimDuration = SimDuration::from_milliseconds(100);

/// The packets of a capture that can enter.
pub(super) struct Recording {
    packets: Vec<Recorded>,
    left_out: LeftOut,
    /// How long after the first packet of a pass the next pass begins: every flow has been forgotten then.
    period: SimDuration,
}

/// A packet, and the NIC that sends it.
struct Recorded {
    /// Since the first of the capture; never less than that of the packet before.
    moment: SimDuration,
    nic: NicId,
    packet: Packet,
}

/// Frames that cannot enter, by why.
#[derive(Default)]
struct LeftOut {
    /// Of other protocols, or damaged.
    not_ipv4: u64,
    /// Nobody has the source address.
    no_owner: u64,
    /// More than one NIC has it.
    several_owners: u64,
    cut_off: u64,
    other_media: u64,
    /// The same packet seen at another place.
    repeated: u64,
}

impl Recording {
    /// Reads a capture for a network whose NICs forget flows after `idle`.
    pub(super) fn read(
        path: &Path,
        network: &Network,
        idle: SimDuration,
    ) -> Result<Arc<Self>, Failure> {
        let Capture {
            frames,
            repeated,
            cut_off,
            other_media,
            truncated: _,
        } = capture::read(path)?;
        let mut left_out = LeftOut {
            cut_off,
            other_media,
            repeated,
            ..LeftOut::default()
        };
        let owners = owners(network);
        let first = frames.first().map_or(0, |frame| frame.nanoseconds);
        let mut packets: Vec<Recorded> = Vec::with_capacity(frames.len());
        for frame in frames {
            let Ok(packet) = Packet::from_frame(frame.bytes) else {
                left_out.not_ipv4 += 1;
                continue;
            };
            let nic = match owners.get(&packet.source()) {
                Some(Some(nic)) => *nic,
                Some(None) => {
                    left_out.several_owners += 1;
                    continue;
                }
                None => {
                    left_out.no_owner += 1;
                    continue;
                }
            };
            let since = SimDuration::from_nanoseconds(frame.nanoseconds.saturating_sub(first));
            let before = packets.last().map_or(SimDuration::ZERO, |last| last.moment);
            packets.push(Recorded {
                moment: since.max(before),
                nic,
                packet,
            });
        }
        let Some(last) = packets.last() else {
            return Err(Failure::Usage(format!(
                "no packet of {} can enter: {}",
                path.display(),
                left_out.told().unwrap_or_else(|| "it is empty".to_owned())
            )));
        };
        // Seconds of their own, so that flows end by idle time and not by a hair.
        let period = last.moment + idle + SimDuration::from_seconds(2);
        Ok(Arc::new(Self {
            packets,
            left_out,
            period,
        }))
    }

    /// Packets that enter in one pass.
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    /// Bytes of the longest frame.
    pub(super) fn longest_frame(&self) -> u16 {
        let lengths = self.packets.iter().map(|sent| sent.packet.frame().len());
        u16::try_from(lengths.max().unwrap_or_default()).unwrap_or(u16::MAX)
    }

    /// Says which frames do not enter.
    pub(super) fn tell_left_out(&self, console: &mut Console<'_>) {
        if let Some(left_out) = self.left_out.told() {
            console.message(format_args!("note: left out of the capture: {left_out}"));
        }
    }

    pub(super) fn document(&self) -> Value {
        let left_out = &self.left_out;
        json!({
            "packets": self.len(),
            "not_ipv4": left_out.not_ipv4,
            "no_owner": left_out.no_owner,
            "several_owners": left_out.several_owners,
            "cut_off": left_out.cut_off,
            "other_media": left_out.other_media,
            "repeated": left_out.repeated,
        })
    }

    /// What belongs to a shard.
    pub(super) fn replay(self: &Arc<Self>, shards: &Shards) -> Replay {
        let own = self
            .packets
            .iter()
            .enumerate()
            .filter(|(_, sent)| shards.of_entering(&sent.packet) == shards.own())
            .map(|(position, _)| position);
        Replay {
            own: own.collect(),
            recording: Arc::clone(self),
            next: 0,
            began: SimTime::ZERO,
        }
    }
}

impl LeftOut {
    /// `None` if nothing is.
    fn told(&self) -> Option<String> {
        let kinds = [
            (self.not_ipv4, "not IPv4"),
            (self.no_owner, "with a source address that no NIC has"),
            (self.several_owners, "with one that several NICs have"),
            (self.cut_off, "cut off"),
            (self.other_media, "of other media"),
            (self.repeated, "seen before at another place"),
        ];
        let told: Vec<String> = kinds
            .iter()
            .filter(|&&(frames, _)| frames > 0)
            .map(|(frames, kind)| format!("{frames} {kind}"))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

/// Who sends from an address; `None` where more than one could.
fn owners(network: &Network) -> HashMap<Ipv4Addr, Option<NicId>> {
    let mut owners = HashMap::new();
    let nics = network
        .nics()
        .iter()
        .flat_map(|(key, nic)| nic.addresses().map(move |address| (address, key)));
    let hosts = network
        .outside_hosts()
        .map(|(station, host)| (host.address, station));
    for (address, owner) in nics.chain(hosts) {
        owners
            .entry(address)
            .and_modify(|first| {
                if *first != Some(owner) {
                    *first = None;
                }
            })
            .or_insert(Some(owner));
    }
    owners
}

/// A shard's packets of a capture, endlessly.
pub(super) struct Replay {
    recording: Arc<Recording>,
    /// Positions in the recording.
    own: Vec<usize>,
    /// Position in `own`.
    next: usize,
    /// When the present pass began.
    began: SimTime,
}

impl Source for Replay {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        if self.own.is_empty() {
            return Supply::Ended;
        }
        let mut burst: Option<(SimTime, usize)> = None;
        while !chunk.is_full() {
            let sent = &self.recording.packets[self.own[self.next]];
            let moment = self.began + sent.moment;
            match &mut burst {
                Some((since, packets)) if moment.since(*since) <= TOGETHER && *packets < BURST => {
                    *packets += 1;
                }
                _ => {
                    chunk.set_time(moment);
                    burst = Some((moment, 1));
                }
            }
            chunk.push(sent.nic, sent.packet.frame());
            self.next += 1;
            if self.next == self.own.len() {
                self.next = 0;
                self.began += self.recording.period;
            }
        }
        Supply::Measured
    }
}
