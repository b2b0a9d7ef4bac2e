//! What became of a pair in each of the networks, in words.

use dataplane::recorder::Step;
use diagnose::evidence::Narrator;
use model::NicId;
use reach::diff::{Account, Side, Witness, World};
use reach::{Device, Way, WayEnd};

use super::Digest;

/// What one network makes of a witness, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// `reachable` and so on.
    pub verdict: &'static str,
    /// Why a packet was dropped; empty if none was.
    pub reason: String,
    /// What decided, or at what the packet was dropped.
    pub decided: String,
    /// Whether that was on the way of the reply.
    pub in_reply: bool,
    /// Names of what the probe passed.
    pub forward: Vec<String>,
    /// Names of what the reply passed.
    pub reply: Vec<String>,
}

impl Digest<'_> {
    /// What a network made of a witness.
    pub fn account(&self, witness: &Witness, side: Side) -> Words {
        let (world, account) = match side {
            Side::Before => (self.before, &witness.before),
            Side::After => (self.after, &witness.after),
        };
        let narrator = Narrator {
            network: world.network,
            snapshot: world.snapshot,
        };
        let answer = &account.story.answer;
        let last = answer.reply.as_ref().unwrap_or(&answer.forward);
        let (reason, end) = match last.end {
            WayEnd::Dropped { nic, dropped } => (
                dropped.reason().name().to_owned(),
                format!("{} at {}", narrator.dropped(dropped), narrator.site(nic)),
            ),
            WayEnd::Unheard(nic) => (
                "not-listening".to_owned(),
                format!("nothing listens in the guest of {}", narrator.site(nic)),
            ),
            WayEnd::Strayed(nic) => (
                "strayed".to_owned(),
                format!(
                    "the reply came to {}, which had not asked",
                    narrator.site(nic)
                ),
            ),
            WayEnd::Disguised(_) => (
                "disguised".to_owned(),
                "the reply came from another address than was asked".to_owned(),
            ),
            WayEnd::Arrived(_) | WayEnd::Left(_) => (String::new(), String::new()),
        };
        let in_reply = answer.reply.is_some() && !end.is_empty() || account.in_reply;
        let decided = if end.is_empty() {
            decided(&narrator, account)
        } else {
            end
        };
        let stops = |way: &Way| -> Vec<String> {
            way.passed
                .iter()
                .map(|&device| device_name(world, &narrator, device))
                .collect()
        };
        Words {
            verdict: answer.verdict.as_str(),
            reason,
            decided,
            in_reply,
            forward: stops(&answer.forward),
            reply: answer.reply.as_ref().map(stops).unwrap_or_default(),
        }
    }
}

fn device_name(world: &World<'_>, narrator: &Narrator<'_>, device: Device) -> String {
    let network = world.network;
    match device {
        Device::Nic(nic) => narrator.site(nic),
        Device::Gateway(gateway) => network
            .gateways()
            .get(gateway)
            .map_or_else(String::new, |gateway| gateway.id.name().to_owned()),
        Device::Frontend(frontend) => {
            let frontend = world.snapshot.frontend(frontend);
            let balancer = network.load_balancers().get(frontend.balancer);
            balancer.map_or_else(String::new, |balancer| {
                format!("{}/{}", balancer.id.name(), frontend.name)
            })
        }
    }
}

/// What decided where the ways part, in words.
fn decided(narrator: &Narrator<'_>, account: &Account) -> String {
    let Some(step) = account.decided else {
        return String::new();
    };
    let nowhere = NicId::new(u32::MAX);
    let place = Narrator::place(&step, nowhere);
    let at = (place != nowhere).then(|| narrator.site(place));
    let record = narrator.record(&step, place);
    let text = match (&step, record.object) {
        (Step::Routed { .. } | Step::Judged { .. }, Some(object)) => object.to_string(),
        (_, _) => record.text,
    };
    match at {
        Some(at) => format!("{text} at {at}"),
        None => text,
    }
}
