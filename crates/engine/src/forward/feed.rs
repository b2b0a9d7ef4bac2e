//! Packets from another thread: one that reads a capture, say. They travel in batches over a bounded channel to the shard each belongs
//! to; a reader that is faster than the shards waits.

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use dataplane::Packet;
use dataplane::forward::shards::{HOME, Shards};
use model::NicId;

use super::exchange::BATCH;
use super::source::{Chunk, Source, Supply};
use crate::time::SimTime;

/// A frame on its way to its shard.
#[derive(Debug)]
struct Frame {
    now: SimTime,
    nic: NicId,
    bytes: Vec<u8>,
}

/// The reader's end. What it still holds goes out when it is dropped; then the sources end.
#[derive(Debug)]
pub struct Feed {
    shards: Shards,
    /// By shard.
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    sender: Sender<Vec<Frame>>,
    waiting: Vec<Frame>,
}

/// A shard's end.
#[derive(Debug)]
pub struct FeedSource {
    receiver: Receiver<Vec<Frame>>,
    /// What is left of the last batch.
    pending: std::vec::IntoIter<Frame>,
}

/// The run is over: nobody takes packets any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run is over")]
pub struct RunOver;

/// A feed for these shards (as [`Shards::new`] gives them for the run's snapshot and number of workers), and their sources in order. At
/// most `batches` of 32 packets wait for each shard.
pub fn feeds(shards: Shards, batches: usize) -> (Feed, Vec<FeedSource>) {
    let (lanes, sources) = (0..shards.count())
        .map(|_| {
            let (sender, receiver) = bounded(batches.max(1));
            let waiting = Vec::with_capacity(BATCH);
            let pending = Vec::new().into_iter();
            (Lane { sender, waiting }, FeedSource { receiver, pending })
        })
        .unzip();
    (Feed { shards, lanes }, sources)
}

impl Feed {
    /// Sends a frame through a NIC at a moment of the flows' clock, which must not go back. Waits while the shard has enough.
    ///
    /// # Errors
    /// The run is over.
    pub fn send(&mut self, now: SimTime, nic: NicId, bytes: Vec<u8>) -> Result<(), RunOver> {
        // What is no packet is dropped wherever it enters.
        let shard = match self.shards.count() {
            1 => HOME,
            _ => Packet::from_frame(bytes.clone())
                .map_or(HOME, |packet| self.shards.of_entering(&packet)),
        };
        let lane = &mut self.lanes[shard as usize];
        lane.waiting.push(Frame { now, nic, bytes });
        if lane.waiting.len() < BATCH {
            return Ok(());
        }
        lane.flush()
    }
}

impl Lane {
    fn flush(&mut self) -> Result<(), RunOver> {
        let batch = std::mem::replace(&mut self.waiting, Vec::with_capacity(BATCH));
        self.sender.send(batch).map_err(|_| RunOver)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        for lane in &mut self.lanes {
            if !lane.waiting.is_empty() {
                let _ = lane.flush(); // nobody is there to miss it
            }
        }
    }
}

impl Source for FeedSource {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        let mut open = true;
        let mut present = None;
        while !chunk.is_full() {
            let Some(Frame { now, nic, bytes }) = self.pending.next() else {
                match self.receiver.try_recv() {
                    Ok(batch) => self.pending = batch.into_iter(),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        open = false;
                        break;
                    }
                }
                continue;
            };
            if present != Some(now) {
                chunk.set_time(now);
                present = Some(now);
            }
            chunk.push(nic, &bytes);
        }
        match (chunk.is_empty(), open) {
            (false, _) => Supply::Measured,
            (true, true) => Supply::Later,
            (true, false) => Supply::Ended,
        }
    }
}
