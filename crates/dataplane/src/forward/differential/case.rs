//! A run that can be made again, and made smaller.

use std::fmt;

use model::{Network, NicId};

use super::changes::Change;
use super::network;
use super::random::Random;
use super::traffic::{Habits, Traffic};
use super::trial::{Disagreement, Tally, Trial};
use crate::forward::{BURST, Settings};
use crate::time::{SimDuration, SimTime};

/// Everything that is put in.
#[derive(Clone)]
pub(super) struct Case {
    network: Network,
    settings: Settings,
    opening: Vec<Change>,
    units: Vec<Unit>,
}

/// The least that can be left out.
#[derive(Clone, Debug)]
enum Unit {
    Change(Change),
    Packet {
        /// Packets of the same number are one burst.
        burst: usize,
        now: SimTime,
        nic: NicId,
        frame: Vec<u8>,
    },
}

/// How a run ended that ended badly.
pub(super) struct Failure {
    pub(super) case: Case,
    pub(super) disagreement: Disagreement,
}

/// What a run dwells on. Left to chance, some things that differ seldom meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Anything,
    /// Out through an appliance, back directly.
    TwoWays,
    /// Through two or three appliances.
    Chain,
    /// Appliances that remember connections.
    Stateful,
    /// NICs that may have few pairs.
    FullNics,
    /// A load balancer's frontend and its members.
    Frontend,
}

impl Theme {
    fn of(seed: u64) -> Self {
        match seed % 10 {
            1 => Self::TwoWays,
            3 => Self::Chain,
            5 => Self::Stateful,
            7 => Self::FullNics,
            9 => Self::Frontend,
            _ => Self::Anything,
        }
    }
}

/// Most runs that are made to find a smaller one.
const ATTEMPTS: usize = 3000;

/// Makes a run of about `packets` packets, and notes it.
pub(super) fn run(seed: u64, packets: usize) -> Result<Tally, Box<Failure>> {
    let mut random = Random::new(seed);
    let theme = Theme::of(seed);
    let network = network::load(&mut random);
    let opening = Change::opening(&mut random, &network, theme);
    let settings = Settings {
        flows: random.pick(&[0, 0, 1, 64]),
        flow_limit: match theme {
            Theme::FullNics => Some(random.pick(&[1, 2, 3])),
            _ => random.percent(25).then(|| random.pick(&[1, 2, 3, 5, 20])),
        },
    };
    let mut trial = Trial::new(network.clone(), &opening, settings);
    let mut case = Case {
        network,
        settings,
        opening,
        units: Vec::new(),
    };
    let habits = match theme {
        Theme::Anything | Theme::Frontend => Habits::some(&mut random),
        Theme::TwoWays | Theme::Chain | Theme::Stateful => Habits::calm(&mut random),
        Theme::FullNics => Habits::some(&mut random).with_idle_guests(),
    };
    let busy = random.pick(&[0, 5, 20, 60]);
    let restless = match theme {
        Theme::FullNics | Theme::TwoWays => 40,
        _ => random.pick(&[1, 5, 20, 40]),
    };
    let longest = random.pick(&[8, 64, BURST, BURST]);
    let mut traffic = Traffic::new(Random::new(random.next()), habits, &trial.network);
    match theme {
        Theme::Frontend => traffic.stay_with_frontend(),
        Theme::TwoWays | Theme::Chain => traffic.stay_between([1, 2]),
        Theme::Anything | Theme::Stateful | Theme::FullNics => {}
    }
    // Not at the beginning of time; some clocks are about to run over.
    let mut now = random.pick(&[5_000, 5_000, (1_u64 << 32) - 300_000]);
    let mut sent = 0;
    for burst in 0.. {
        if sent >= packets {
            break;
        }
        while burst > 0 && random.percent(busy) {
            for change in Change::next(&mut random, &trial.network) {
                trial.change(&change);
                case.units.push(Unit::Change(change));
            }
        }
        now += wait(&mut random, restless);
        // What is below a millisecond plays no part.
        let below = random.next() % MILLISECOND;
        let moment = SimTime::from_nanoseconds(now * MILLISECOND + below);
        trial.set_time(moment);
        let length = 1 + random.below(longest);
        if random.percent(20) {
            traffic.lean(&mut random);
        }
        while trial.offered() < length {
            let packet = traffic.next();
            case.units.push(Unit::Packet {
                burst,
                now: moment,
                nic: packet.nic,
                frame: packet.frame.clone(),
            });
            let settled = trial.offer(packet.nic, packet.frame.clone());
            traffic.heard(&packet, &settled.frame, settled.outcome);
        }
        sent += length;
        if let Err(disagreement) = trial.settle() {
            return Err(Box::new(Failure { case, disagreement }));
        }
    }
    Ok(trial.tally())
}

const MILLISECOND: u64 = SimDuration::from_milliseconds(1).as_nanoseconds();

/// Milliseconds to the next burst: next to nothing, or about as long as something is remembered.
fn wait(random: &mut Random, restless: usize) -> u64 {
    if !random.percent(restless) {
        return random.pick(&[0, 0, 1, 1, 3, 9, 10]);
    }
    let about = random.pick(&[
        1_000, 1_000, 1_000, 500, 60_000, 60_000, 30_000, 240_000, 240_000, 120_000, 300_000,
        1_800_000,
    ]);
    if random.percent(3) {
        return (1 << 32) + 7; // what a clock of 32 bits takes for a moment
    }
    about + random.pick(&[0, 1]) - random.pick(&[0, 0, 1])
}

impl Case {
    /// Makes the run again.
    pub(super) fn again(&self) -> Result<(), (usize, Disagreement)> {
        let mut trial = Trial::new(self.network.clone(), &self.opening, self.settings);
        let mut present = None;
        for (number, unit) in self.units.iter().enumerate() {
            let burst = match unit {
                Unit::Change(_) => None,
                Unit::Packet { burst, .. } => Some(*burst),
            };
            if burst != present && trial.offered() > 0 {
                trial.settle().map_err(|found| (number, found))?;
            }
            present = burst;
            match unit {
                Unit::Change(change) => trial.change(change),
                Unit::Packet {
                    now, nic, frame, ..
                } => {
                    trial.set_time(*now);
                    trial.offer(*nic, frame.clone());
                }
            }
        }
        if trial.offered() > 0 {
            trial.settle().map_err(|found| (self.units.len(), found))?;
        }
        Ok(())
    }
}

impl Failure {
    /// Leaves out whatever it does without.
    pub(super) fn shrunk(mut self) -> Self {
        let mut attempts = ATTEMPTS;
        let mut chunk = self.case.units.len().max(self.case.opening.len());
        while chunk > 0 && attempts > 0 {
            let mut smaller = self.leave_out(chunk, &mut attempts, |case| &mut case.units);
            smaller |= self.leave_out(chunk, &mut attempts, |case| &mut case.opening);
            if !smaller || chunk > 1 {
                chunk /= 2;
            }
        }
        self
    }

    /// Leaves out `chunk` parts of a list at a time; says whether it did without any of them.
    fn leave_out<T>(
        &mut self,
        chunk: usize,
        attempts: &mut usize,
        list: impl Fn(&mut Case) -> &mut Vec<T>,
    ) -> bool {
        let mut smaller = false;
        let mut start = 0;
        while start < list(&mut self.case).len() && *attempts > 0 {
            let mut case = self.case.clone();
            let parts = list(&mut case);
            let end = (start + chunk).min(parts.len());
            parts.drain(start..end);
            *attempts -= 1;
            if self.adopt(case) {
                smaller = true;
            } else {
                start = end;
            }
        }
        smaller
    }

    /// Takes a case for this one if it fails too.
    fn adopt(&mut self, mut case: Case) -> bool {
        let Err((failed_at, disagreement)) = case.again() else {
            return false;
        };
        case.units.truncate(failed_at);
        self.case = case;
        self.disagreement = disagreement;
        true
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = &self.case;
        writeln!(f, "{}", self.disagreement.0)?;
        writeln!(f, "{:?}, options {:?}", case.settings, case.network.options)?;
        let mut trial = Trial::new(case.network.clone(), &[], case.settings);
        for change in &case.opening {
            writeln!(f, "first: {change:?}")?;
            change.apply(&mut trial.network);
        }
        let mut present = None;
        for unit in &case.units {
            match unit {
                Unit::Change(change) => {
                    present = None;
                    writeln!(f, "change: {change:?}")?;
                    change.apply(&mut trial.network);
                }
                Unit::Packet {
                    burst,
                    now,
                    nic,
                    frame,
                } => {
                    if present != Some(*burst) {
                        present = Some(*burst);
                        writeln!(f, "at {} ms:", now.as_nanoseconds() / MILLISECOND)?;
                    }
                    writeln!(f, "  {}", trial.packet(*nic, frame))?;
                }
            }
        }
        Ok(())
    }
}
