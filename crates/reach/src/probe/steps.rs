//! The same walk with every step noted: for those who ask what decided.

use dataplane::dropped::Dropped;
use dataplane::recorder::{Recorder, Step};

use super::hashes::Hashed;
use super::{Answer, Device, Ipv4Addr, NicId, Notes, Prober, Trail};

/// What became of a probe, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What it came to.
    pub answer: Answer,
    /// The steps of the probe.
    pub forward: Vec<Step>,
    /// Those of the reply, if there was one.
    pub reply: Vec<Step>,
    /// A hash has chosen among several on the way: another packet between the same networks may take another one.
    pub chosen: bool,
}

impl Prober<'_> {
    /// As [`answer`](Self::answer). Whether other hashes would change it is not asked.
    pub fn way(&self, source: (NicId, Ipv4Addr), destination: Ipv4Addr) -> Answer {
        let mut answers = Hashed::new(self.snapshot, 0, 0);
        self.walk(source, destination, &mut answers, &mut Trail::default())
    }

    /// As [`answer`](Self::answer), with every step. Whether other hashes would change it is not asked.
    pub fn story(&self, source: (NicId, Ipv4Addr), destination: Ipv4Addr) -> Story {
        let mut diary = Diary::default();
        let mut answers = Hashed::new(self.snapshot, 0, 0);
        let answer = self.walk(source, destination, &mut answers, &mut diary);
        let mut ways = diary.ways.into_iter();
        Story {
            answer,
            forward: ways.next().unwrap_or_default(),
            reply: ways.next().unwrap_or_default(),
            chosen: answers.has_chosen(),
        }
    }
}

#[derive(Debug, Default)]
struct Diary {
    trail: Trail,
    steps: Vec<Step>,
    ways: Vec<Vec<Step>>,
}

impl Recorder for Diary {
    const ASKS_EVERY_LEVEL: bool = false;

    fn record(&mut self, step: Step) {
        self.trail.record(step);
        self.steps.push(step);
    }

    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped> {
        Err(dropped)
    }
}

impl Notes for Diary {
    fn take(&mut self) -> Vec<Device> {
        self.ways.push(std::mem::take(&mut self.steps));
        self.trail.take()
    }
}
