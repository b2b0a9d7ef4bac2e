//! Where the packets of a shard come from.

use dataplane::forward::{BURST, Entering, Frames};
use model::NicId;

use crate::time::SimTime;

/// Makes the packets of one shard. None of what it does is timed.
pub trait Source: Send {
    /// Puts the next packets into an empty chunk, and says what they are.
    fn fill(&mut self, chunk: &mut Chunk) -> Supply;
}

/// What a source says of the chunk that it has filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// Packets that make flows known before anything is measured. Once a source has said anything else, these are measured too.
    Preparing,
    /// Packets that count. Before the first of them, all shards wait until nothing of what prepares is under way.
    Measured,
    /// There is none at the moment; what the chunk holds is forgotten.
    Later,
    /// There will be none any more; what the chunk holds is forgotten.
    Ended,
}

/// Packets ready to enter, in bursts of equal time: as many as the pool has room for.
#[derive(Debug)]
pub struct Chunk {
    frames: Frames,
    entering: Vec<Entering>,
    /// Time of the packets from this one on.
    times: Vec<(usize, SimTime)>,
}

impl Chunk {
    /// Room for frames of up to `longest` bytes in `bytes`.
    pub(super) fn new(bytes: usize, longest: u16) -> Self {
        let slot = Frames::new(1, longest).memory();
        let slots = (bytes / slot).max(1);
        Self {
            frames: Frames::new(slots, longest),
            entering: Vec::with_capacity(slots),
            times: Vec::new(),
        }
    }

    /// Packets that it has room for.
    pub fn capacity(&self) -> usize {
        self.frames.slots()
    }

    /// Packets that it holds.
    pub fn len(&self) -> usize {
        self.entering.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entering.is_empty()
    }

    /// Whether it has no room for another one.
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// The clock of flows for the packets that follow, in place of that of the packets before. It must not go back, over all chunks;
    /// a shard that has seen a later time (from another shard, say) goes by that. Without any, packets come at the time of those
    /// before them.
    pub fn set_time(&mut self, now: SimTime) {
        let from = self.len();
        self.times.retain(|&(start, _)| start != from);
        self.times.push((from, now));
    }

    /// Adds a packet that a guest hands to this NIC; `false` if there is no room.
    #[inline]
    pub fn push(&mut self, nic: NicId, frame: &[u8]) -> bool {
        let Ok(slot) = u32::try_from(self.entering.len()) else {
            return false;
        };
        if self.is_full() {
            return false;
        }
        self.frames.put(slot, frame);
        self.entering.push(Entering { slot, nic });
        true
    }

    pub(super) fn clear(&mut self) {
        self.entering.clear();
        self.times.clear();
    }

    pub(super) fn frames_mut(&mut self) -> &mut Frames {
        &mut self.frames
    }

    pub(super) fn frames_and_entering(&mut self) -> (&mut Frames, &[Entering]) {
        (&mut self.frames, &self.entering)
    }

    /// The packets from `start` on that may enter together, and their time if it is another one.
    pub(super) fn burst(&self, start: usize) -> (usize, Option<SimTime>) {
        let mut end = self.len().min(start + BURST);
        let mut time = None;
        for &(from, now) in &self.times {
            if from <= start {
                time = Some(now);
            } else {
                end = end.min(from);
                break;
            }
        }
        (end, time)
    }
}

/// A list of frames, sent once, in order: what tests and replays of captures send.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    frames: Vec<(SimTime, NicId, Vec<u8>)>,
    next: usize,
}

impl Replay {
    /// Frames with the moment at which they are sent, in the order of these moments, and the NIC that sends them.
    pub fn new(frames: Vec<(SimTime, NicId, Vec<u8>)>) -> Self {
        Self { frames, next: 0 }
    }
}

impl Source for Replay {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        let mut present = None;
        while let Some((now, nic, frame)) = self.frames.get(self.next) {
            if chunk.is_full() {
                break;
            }
            if present != Some(*now) {
                chunk.set_time(*now);
                present = Some(*now);
            }
            chunk.push(*nic, frame);
            self.next += 1;
        }
        if chunk.is_empty() {
            Supply::Ended
        } else {
            Supply::Measured
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanoseconds: u64) -> SimTime {
        SimTime::from_nanoseconds(nanoseconds)
    }

    #[test]
    fn a_burst_holds_packets_of_one_moment_and_not_more_than_a_forwarder_takes() {
        let mut chunk = Chunk::new(64 * 1024, 64);
        assert_eq!(chunk.capacity(), 1024);
        let nic = NicId::new(3);
        for packet in 0..BURST + 20 {
            if packet == 10 {
                chunk.set_time(at(5));
            }
            assert!(chunk.push(nic, &[0; 64]));
        }
        assert_eq!(chunk.burst(0), (10, None));
        assert_eq!(chunk.burst(4), (10, None));
        assert_eq!(chunk.burst(10), (10 + BURST, Some(at(5))));
        assert_eq!(chunk.burst(10 + BURST), (20 + BURST, Some(at(5))));
    }

    #[test]
    fn a_full_chunk_takes_no_packet() {
        let mut chunk = Chunk::new(0, 1514);
        assert!(chunk.push(NicId::new(0), &[1; 60]));
        assert!(!chunk.push(NicId::new(0), &[2; 60]));
        assert_eq!(chunk.len(), 1);
    }
}
