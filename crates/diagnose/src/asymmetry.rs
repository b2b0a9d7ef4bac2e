//! Devices that a conversation passes in one direction only.

use control::Snapshot;
use control::snapshot::{GuestId, GuestKind};
use dataplane::dropped::DropReason;
use dataplane::recorder::Step;
use model::NicId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::Narrator;

/// A device that keeps state and sees only one direction of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asymmetry {
    /// The device, as `vm/nic`.
    pub device: String,
    /// Whether the probe passes it.
    pub forward: bool,
    /// Whether the reply passes it.
    #[serde(rename = "return")]
    pub back: bool,
    /// What that means, in one sentence.
    pub sentence: String,
}

/// A device on the way, and whether it remembers connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Device {
    guest: GuestId,
    nic: NicId,
    stateful: bool,
}

/// What the two directions pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    /// Devices that keep state and see one direction only.
    pub(crate) asymmetries: Vec<Asymmetry>,
    /// The same about devices that keep none.
    pub(crate) remarks: Vec<String>,
}

/// Compares the steps of a probe that has arrived with those of its reply, whether that has arrived or not.
pub(crate) fn compare(
    narrator: &Narrator<'_>,
    forward: &[Step],
    back: &[Step],
    reply_arrives: bool,
) -> Ways {
    let there = devices(narrator.snapshot, forward);
    let returning = devices(narrator.snapshot, back);
    let meets = |devices: &[Device], guest| devices.iter().any(|device| device.guest == guest);
    let mut ways = Ways::default();
    for device in &there {
        // A reply that dies on its way might have met the device behind that place.
        if meets(&returning, device.guest) || !reply_arrives {
            continue;
        }
        let name = narrator.site(device.nic);
        if device.stateful {
            ways.asymmetries.push(Asymmetry {
                sentence: format!(
                    "The probe passes {name}, which remembers connections; the reply goes round it. A device that never sees the answers ends such connections (R-34)."
                ),
                device: name,
                forward: true,
                back: false,
            });
        } else {
            ways.remarks.push(format!(
                "The probe passes {name}, the reply does not: harmless as long as nothing there remembers connections (R-34)."
            ));
        }
    }
    for device in &returning {
        if meets(&there, device.guest) {
            continue;
        }
        let name = narrator.site(device.nic);
        if device.stateful {
            ways.asymmetries.push(Asymmetry {
                sentence: format!(
                    "The reply passes {name}, which remembers connections and has not seen the probe: it drops what it cannot place (R-34)."
                ),
                device: name,
                forward: false,
                back: true,
            });
        } else {
            ways.remarks.push(format!(
                "The reply passes {name}, the probe does not: harmless as long as nothing there remembers connections (R-34)."
            ));
        }
    }
    ways
}

/// The appliances and firewalls that packets pass, each once.
fn devices(snapshot: &Snapshot, steps: &[Step]) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for step in steps {
        let nic = match *step {
            Step::Forwarded { entered, .. } => entered,
            Step::Refused { dropped } if dropped.reason() == DropReason::TcpNoSyn => {
                match dropped.at() {
                    dataplane::dropped::Locator::Nic(nic) => nic,
                    _ => continue,
                }
            }
            _ => continue,
        };
        let Some((guest, behind)) = snapshot.guest_behind(nic) else {
            continue;
        };
        let stateful = match behind.kind {
            GuestKind::Appliance { stateful, .. } => stateful,
            GuestKind::Firewall(_) => true,
            _ => continue,
        };
        if !devices.iter().any(|device| device.guest == guest) {
            devices.push(Device {
                guest,
                nic,
                stateful,
            });
        }
    }
    devices
}
