//! Where the time of a packet goes: a pass of its own, because looking at the clock between stages takes time too.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dataplane::forward::{BURST, BurstStage, Entering, Forwarder, Frames, Settings, Sink};
use dataplane::pipeline::{InFlight, Outcome};
use engine::traffic::{Pair, Plan, Traffic};

use super::drive::{Job, refused};
use crate::failure::Failure;

/// Bytes of frames that are made at a time.
const POOL: usize = 256 * 1024;
/// Readings by which the cost of the clock is found.
const READINGS: u32 = 10_000;

/// The stages in their order, as they are told.
const STAGES: [(BurstStage, &str); 5] = [
    (BurstStage::Sweep, "sweep"),
    (BurstStage::Read, "read"),
    (BurstStage::Replay, "replay"),
    (BurstStage::Ask, "ask"),
    (BurstStage::Walk, "walk"),
];

/// Nanoseconds a packet, by stage; reading the clock is taken out.
pub(super) struct Profile {
    pub(super) stages: Vec<(&'static str, f64)>,
}

/// Adds up what the stages take.
struct Meter {
    last: Instant,
    /// By position in [`STAGES`].
    spent: [Duration; STAGES.len()],
    readings: [u32; STAGES.len()],
}

impl Sink for Meter {
    #[inline]
    fn settled(&mut self, _: Option<usize>, _: &[u8], _: Outcome) {}

    /// There is one shard.
    fn hand_over(&mut self, _: u32, _: InFlight) {}

    #[inline]
    fn passed(&mut self, stage: BurstStage) {
        let now = Instant::now();
        let position = match stage {
            BurstStage::Sweep => 0,
            BurstStage::Read => 1,
            BurstStage::Replay => 2,
            BurstStage::Ask => 3,
            BurstStage::Walk => 4,
        };
        self.spent[position] += now.saturating_duration_since(self.last);
        self.readings[position] += 1;
        self.last = now;
    }
}

impl Profile {
    /// One worker, as fast as it can, for as long as the job lasts.
    pub(super) fn take(job: &Job<'_>, plan: Plan, pairs: &[Pair]) -> Result<Self, Failure> {
        let mut traffic = Traffic::new(plan, pairs.to_vec()).map_err(refused)?;
        let mut forwarder = Forwarder::new(Settings {
            flows: plan.flows as usize,
            flow_limit: job.flow_limit,
        });
        let longest = traffic.longest_frame();
        let slots = POOL / Frames::new(1, longest).memory();
        let mut frames = Frames::new(slots, longest);
        let mut entering = Vec::with_capacity(BURST);
        let mut meter = Meter {
            last: Instant::now(),
            spent: [Duration::ZERO; STAGES.len()],
            readings: [0; STAGES.len()],
        };
        let (mut packets, mut timed) = (0_u64, Duration::ZERO);
        let mut bursts = Vec::new();
        while timed < job.duration && !job.interrupted.load(Ordering::Relaxed) {
            let opening = traffic.is_opening();
            bursts.clear();
            entering.clear();
            while entering.len() < slots && traffic.is_opening() == opening {
                let (from, now) = (entering.len(), traffic.now());
                traffic.burst(BURST.min(slots - from), |nic, frame| {
                    let slot = u32::try_from(entering.len()).expect("a pool has few slots");
                    frames.put(slot, frame);
                    entering.push(Entering { slot, nic });
                });
                bursts.push((from..entering.len(), now));
            }
            let start = Instant::now();
            for (range, now) in &bursts {
                let burst = &entering[range.clone()];
                if opening {
                    forwarder.burst(&job.snapshot, &mut frames, burst, *now, &mut ());
                } else {
                    meter.last = Instant::now();
                    forwarder.burst(&job.snapshot, &mut frames, burst, *now, &mut meter);
                }
            }
            if !opening {
                timed += start.elapsed();
                packets += entering.len() as u64;
            }
        }
        forwarder.counters().check(0)?;
        Ok(meter.profile(packets))
    }
}

impl Meter {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn profile(&self, packets: u64) -> Profile {
        let reading = cost_of_reading();
        let stages = STAGES.iter().zip(self.spent.iter().zip(self.readings));
        let stages = stages.map(|(&(_, name), (spent, readings))| {
            let own = spent.saturating_sub(reading.saturating_mul(readings) / READINGS);
            (name, own.as_nanos() as f64 / packets.max(1) as f64)
        });
        Profile {
            stages: stages.collect(),
        }
    }
}

/// How long so many [`READINGS`] of the clock take.
fn cost_of_reading() -> Duration {
    let start = Instant::now();
    for _ in 0..READINGS {
        std::hint::black_box(Instant::now());
    }
    start.elapsed()
}
