//! The highest rate at which nothing is lost, in the manner of RFC 2544, section 26.1.

use std::sync::atomic::Ordering;

use super::drive::{Job, Load, Measured, measure};
use crate::failure::Failure;

/// Packets that may wait until they enter, as in the receive ring of a network card; one more is lost.
pub(super) const QUEUE: u64 = 4096;
/// Trials behind the first one, which goes as fast as it can.
const TRIALS: usize = 12;
/// How near the search comes, as a share of the highest rate.
const NEAR: f64 = 0.01;

/// What a search has found.
pub(super) struct Search {
    /// In order. The first offered as much as went.
    pub(super) trials: Vec<Trial>,
    /// Packets a second; 0 if every trial lost some.
    pub(super) zero_loss: f64,
}

/// One rate.
pub(super) struct Trial {
    pub(super) packets_per_second: f64,
    pub(super) lost: u64,
}

impl Search {
    /// Halves the range between a rate that loses nothing and one that does. The figures are those of the best trial, or of the last one if
    /// all lose.
    pub(super) fn run(job: &Job<'_>, workers: u16) -> Result<(Self, Measured), Failure> {
        let load = |packets_per_second| Load {
            workers,
            packets_per_second,
        };
        let mut measured = measure(job, load(None), None)?;
        let highest = measured.packets_per_second;
        let mut search = Self {
            trials: Vec::new(),
            zero_loss: 0.0,
        };
        let (mut low, mut high) = (0.0, highest);
        for trial in 0..TRIALS {
            if high - low <= NEAR * highest || job.interrupted.load(Ordering::Relaxed) {
                break;
            }
            // What one core does at its best it can hardly do all the time: the first guess is near it.
            let rate = if trial == 0 {
                0.9 * high
            } else {
                f64::midpoint(low, high)
            };
            let tried = measure(job, load(Some(rate)), None)?;
            let lost = tried.most_overdue.saturating_sub(QUEUE);
            search.trials.push(Trial {
                packets_per_second: rate,
                lost,
            });
            if lost == 0 {
                (low, search.zero_loss) = (rate, rate);
                measured = tried;
            } else {
                high = rate;
                if search.zero_loss == 0.0 {
                    measured = tried;
                }
            }
        }
        Ok((search, measured))
    }
}
