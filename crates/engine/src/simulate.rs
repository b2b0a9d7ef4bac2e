//! The driver in virtual time: programs in guests send packets, links take their time, and everything that happens is told in the
//! total order of events.
//!
//! Same input and seed, same occurrences, byte for byte. Four decisions see to it:
//! 1. randomness is a pure function of who draws ([`crate::random`]);
//! 2. packets are numbered by the NIC they originate from ([`PacketId`](crate::trace::PacketId));
//! 3. events have a total order ([`crate::event`]), and occurrences are told in it;
//! 4. packets between an ordered pair of NICs stay in order.
//!
//! This driver is serial. Nothing in it depends on that: a worker causes no event at another earlier than
//! [`look_ahead`](Simulation::look_ahead) from now, so that workers may run that far in parallel and give the same bytes.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;

use control::Snapshot;
use control::snapshot::GuestId;
use crossbeam_channel::{Receiver, bounded};
use dataplane::guest::Guests;
use model::{Network, NicId};

use crate::application::Application;
use crate::event::EventQueue;
use crate::latency::LatencyModel;
use crate::random::Randomness;
use crate::time::{SimDuration, SimTime};
use crate::trace::{Frames, Occurrence};
use crate::worker::{Event, Outbox, Worker, World};
use dataplane::counters::{Counters, NotConserved};

/// How a run is to be made.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Seed of all randomness.
    pub seed: u64,
    /// How long links take.
    pub latency: LatencyModel,
    /// Which frames are told.
    pub frames: Frames,
}

/// A run that has not begun.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    /// By [`NicId`]. A NIC that no packet has met yet costs one pointer.
    workers: Vec<Option<Box<Worker>>>,
    guests: BTreeMap<GuestId, Guests>,
    queue: EventQueue<Event>,
    outbox: Outbox,
}

/// There is no such NIC to run a program behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no NIC number {}", .0.get())]
pub struct NoSuchNic(pub NicId);

/// What a run has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Of all NICs together.
    pub totals: Counters,
    /// Of each NIC that has met a packet, in the order of their ids.
    pub by_nic: Vec<(NicId, Counters)>,
    /// Packets under way when the run ended: none, unless it was stopped.
    pub in_flight: u64,
    /// The moment of the last event.
    pub ended_at: SimTime,
    /// Whether the consumer stopped it.
    pub stopped: bool,
}

impl Simulation {
    /// A run over a network and the snapshot that was compiled from it.
    pub fn new(network: Arc<Network>, snapshot: Arc<Snapshot>, settings: Settings) -> Self {
        let workers = snapshot.nics.iter().map(|_| None).collect();
        Self {
            world: World {
                network,
                snapshot,
                latency: settings.latency,
                randomness: Randomness::from_seed(settings.seed),
                frames: settings.frames,
            },
            workers,
            guests: BTreeMap::new(),
            queue: EventQueue::default(),
            outbox: Outbox::default(),
        }
    }

    /// Runs a program in the guest behind a NIC, from time 0.
    pub fn install(&mut self, nic: NicId, application: Application) -> Result<(), NoSuchNic> {
        let worker = worker_of(&mut self.workers, &self.world, nic).ok_or(NoSuchNic(nic))?;
        worker.install(application, &mut self.outbox);
        self.flush_events();
        Ok(())
    }

    /// How far workers of different guests may run without knowing of each other.
    pub fn look_ahead(&self) -> SimDuration {
        self.world.latency.minimum()
    }

    /// Runs until nothing is left to happen, or until `consumer` breaks off.
    ///
    /// # Errors
    /// A fault of the simulator: packets appeared or vanished.
    pub fn run(
        mut self,
        mut consumer: impl FnMut(Occurrence) -> ControlFlow<()>,
    ) -> Result<Summary, NotConserved> {
        let mut now = SimTime::ZERO;
        let mut stopped = false;
        while !stopped && let Some((stamp, event)) = self.queue.pop() {
            now = stamp.time;
            let Some(worker) = worker_of(&mut self.workers, &self.world, stamp.receiver) else {
                continue; // the pipeline names only NICs of its snapshot
            };
            let guest = self.world.snapshot.guest_behind(stamp.receiver);
            let guest = guest.map_or(NO_GUEST, |(id, _)| id);
            let guests = self.guests.entry(guest).or_default();
            worker.handle(&self.world, guests, now, event, &mut self.outbox);
            self.flush_events();
            for occurrence in self.outbox.occurrences.drain(..) {
                if consumer(occurrence).is_break() {
                    stopped = true;
                    break;
                }
            }
        }
        self.summary(now, stopped)
    }

    /// Runs in a thread of its own that is never more than `ahead` occurrences ahead of whoever takes them: memory stays bounded
    /// however long the run. Dropping the run stops it.
    pub fn start(self, ahead: usize) -> io::Result<Run> {
        let (sender, occurrences) = bounded(ahead);
        let thread = std::thread::Builder::new()
            .name("simulate".to_owned())
            .spawn(move || {
                self.run(|occurrence| match sender.send(occurrence) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()), // nobody listens any more
                })
            })?;
        Ok(Run {
            occurrences,
            thread,
        })
    }

    fn flush_events(&mut self) {
        for (stamp, event) in self.outbox.events.drain(..) {
            self.queue.push(stamp, event);
        }
    }

    fn summary(&self, ended_at: SimTime, stopped: bool) -> Result<Summary, NotConserved> {
        let in_flight = self
            .queue
            .iter()
            .filter(|event| event.carries_a_packet())
            .count() as u64;
        let mut totals = Counters::default();
        let mut by_nic = Vec::new();
        for (position, worker) in (0..).zip(&self.workers) {
            if let Some(worker) = worker {
                totals += worker.counters();
                by_nic.push((NicId::new(position), worker.counters().clone()));
            }
        }
        totals.check(in_flight)?;
        Ok(Summary {
            totals,
            by_nic,
            in_flight,
            ended_at,
            stopped,
        })
    }
}

/// Stands in for the guest of a NIC that was deleted: nobody looks at what it remembers.
const NO_GUEST: GuestId = GuestId(u32::MAX);

/// The worker of a NIC, made when first needed.
fn worker_of<'a>(
    workers: &'a mut [Option<Box<Worker>>],
    world: &World,
    nic: NicId,
) -> Option<&'a mut Worker> {
    let slot = workers.get_mut(nic.get() as usize)?;
    if slot.is_none() {
        *slot = Worker::new(world, nic).map(Box::new);
    }
    slot.as_deref_mut()
}

/// A run in a thread of its own.
#[derive(Debug)]
pub struct Run {
    occurrences: Receiver<Occurrence>,
    thread: JoinHandle<Result<Summary, NotConserved>>,
}

impl Run {
    /// What happens, in order. Ends when the run does.
    pub fn occurrences(&self) -> &Receiver<Occurrence> {
        &self.occurrences
    }

    /// Stops the run if it still goes on, and says what it has come to.
    ///
    /// # Errors
    /// A fault of the simulator: packets appeared or vanished.
    pub fn finish(self) -> Result<Summary, NotConserved> {
        drop(self.occurrences);
        match self.thread.join() {
            Ok(summary) => summary,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
