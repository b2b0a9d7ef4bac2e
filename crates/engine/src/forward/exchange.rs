//! Packets between shards: batches over bounded channels, and a bounded outbox for what does not fit.
//!
//! Nobody waits in `send`. What another shard has no room for waits here; a shard with a full outbox takes no new packets in but goes on
//! taking those of the others, which makes room for theirs. A packet that is taken may have to be handed on (once for each translation
//! on its way), so an outbox may hold more than its bound, but never more than all shards have let in together.

use std::collections::VecDeque;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use dataplane::pipeline::InFlight;

use crate::time::SimTime;

/// Most packets in a batch.
pub const BATCH: usize = 32;

/// Packets for one shard, in order.
#[derive(Debug)]
pub struct Batch {
    /// When the first of them entered, or was to enter.
    pub entered: Instant,
    /// The sender's clock of flows.
    pub now: SimTime,
    /// The packets.
    pub packets: Vec<InFlight>,
    /// The shard that has made the list: it gets it back.
    from: u32,
}

/// One shard's ends of the channels.
#[derive(Debug)]
pub struct Exchange {
    incoming: Receiver<Batch>,
    /// By shard.
    others: Vec<Outbox>,
    /// Packets in all outboxes.
    waiting: usize,
    bound: usize,
    own: u32,
    /// Empty lists, for the next batches. Lists go round: one that is freed by another thread than the one that made it costs several times
    /// what passing it on does.
    spare: Vec<Vec<InFlight>>,
    returned: Receiver<Vec<InFlight>>,
}

#[derive(Debug)]
struct Outbox {
    sender: Sender<Batch>,
    /// Where empty lists of that shard go.
    back: Sender<Vec<InFlight>>,
    waiting: VecDeque<Batch>,
}

/// Empty lists that a shard keeps before it gives them back.
const SPARE: usize = 16;

/// The ends of each of `workers` shards: `batches` may wait in each channel, `packets` in each outbox before it is full.
pub fn between(workers: u32, batches: usize, packets: usize) -> Vec<Exchange> {
    let batches = batches.max(1);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| bounded(batches)).unzip();
    let (backs, returns): (Vec<_>, Vec<_>) = (0..workers).map(|_| bounded(batches)).unzip();
    let outbox = |(sender, back): (&Sender<Batch>, &Sender<Vec<InFlight>>)| Outbox {
        sender: sender.clone(),
        back: back.clone(),
        waiting: VecDeque::new(),
    };
    let ends = (0..).zip(receivers.into_iter().zip(returns));
    ends.map(|(own, (incoming, returned))| Exchange {
        incoming,
        others: senders.iter().zip(&backs).map(outbox).collect(),
        waiting: 0,
        bound: packets.max(1),
        own,
        spare: Vec::new(),
        returned,
    })
    .collect()
}

impl Exchange {
    /// Keeps a packet for a shard until the next [`flush`](Exchange::flush).
    pub fn push(&mut self, shard: u32, packet: InFlight, entered: Instant, now: SimTime) {
        let waiting = &mut self.others[shard as usize].waiting;
        self.waiting += 1;
        match waiting.back_mut() {
            Some(last) if last.packets.len() < BATCH => {
                last.now = last.now.max(now);
                last.packets.push(packet);
            }
            _ => {
                let spare = self.spare.pop().or_else(|| self.returned.try_recv().ok());
                let mut packets = spare.unwrap_or_else(|| Vec::with_capacity(BATCH));
                packets.push(packet);
                waiting.push_back(Batch {
                    entered,
                    now,
                    packets,
                    from: self.own,
                });
            }
        }
    }

    /// Sends what the others have room for; whether anything went.
    pub fn flush(&mut self) -> bool {
        if self.waiting == 0 {
            return false;
        }
        let before = self.waiting;
        for other in &mut self.others {
            while let Some(batch) = other.waiting.pop_front() {
                let packets = batch.packets.len();
                match other.sender.try_send(batch) {
                    Ok(()) => self.waiting -= packets,
                    // A shard that is gone has broken the run off; its packets stay where they are.
                    Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                        other.waiting.push_front(batch);
                        break;
                    }
                }
            }
        }
        self.waiting < before
    }

    /// The next batch that another shard has sent.
    #[inline]
    pub fn receive(&mut self) -> Option<Batch> {
        self.incoming.try_recv().ok()
    }

    /// Takes an emptied batch back into service.
    pub fn recycle(&mut self, mut batch: Batch) {
        batch.packets.clear();
        if self.spare.len() < SPARE {
            self.spare.push(batch.packets);
        } else {
            // A shard that has enough of them does not get this one.
            let _ = self.others[batch.from as usize]
                .back
                .try_send(batch.packets);
        }
    }

    /// Whether no new packets may be taken in.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.waiting >= self.bound
    }

    /// Whether there is no other shard.
    #[inline]
    pub fn is_alone(&self) -> bool {
        self.others.len() == 1
    }
}
