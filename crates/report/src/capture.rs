//! A run as a capture: every NIC an interface, every frame with its fate and the evidence for it as comments.

use std::collections::BTreeMap;
use std::path::Path;

use control::Snapshot;
use dataplane::answers::Departure;
use dataplane::recorder::Step;
use diagnose::evidence::Narrator;
use diagnose::explain::departure_name;
use engine::site::Site;
use engine::time::CaptureEpoch;
use engine::trace::{Fate, FrameDirection, Sighting};
use model::{Network, NicId};

use crate::pcapng::{CaptureError, CaptureWriter, InterfaceId};

/// Writes what the NICs of a run see.
#[derive(Debug)]
pub struct Capture<'a> {
    writer: CaptureWriter,
    narrator: Narrator<'a>,
    interfaces: BTreeMap<NicId, InterfaceId>,
}

impl<'a> Capture<'a> {
    /// Starts a capture at `path`. Time 0 of the run gets the date `epoch`.
    pub fn create(
        path: &Path,
        epoch: CaptureEpoch,
        network: &'a Network,
        snapshot: &'a Snapshot,
    ) -> Result<Self, CaptureError> {
        Ok(Self {
            writer: CaptureWriter::create(path, epoch)?,
            narrator: Narrator { network, snapshot },
            interfaces: BTreeMap::new(),
        })
    }

    /// Adds a frame. A NIC becomes an interface when it sees its first.
    pub fn record(&mut self, sighting: &Sighting) -> Result<(), CaptureError> {
        let interface = self.interface(sighting.nic)?;
        let comments = self.comments(sighting);
        let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
        self.writer.write_packet(
            interface,
            sighting.at,
            &sighting.bytes,
            sighting.packet.as_number(),
            &comments,
        )
    }

    /// Brings the capture to disk.
    pub fn finish(self) -> Result<(), CaptureError> {
        self.writer.finish()
    }

    fn interface(&mut self, nic: NicId) -> Result<InterfaceId, CaptureError> {
        if let Some(&interface) = self.interfaces.get(&nic) {
            return Ok(interface);
        }
        let interface = match Site::of(self.narrator.network, nic) {
            Some(site) => self.writer.add_interface(&site.name, &site.description)?,
            None => self.writer.add_interface("(deleted)", "")?,
        };
        self.interfaces.insert(nic, interface);
        Ok(interface)
    }

    /// The fate first, then how it came to it.
    fn comments(&self, sighting: &Sighting) -> Vec<String> {
        let narrator = &self.narrator;
        let verb = match sighting.direction {
            FrameDirection::Sent => "sent",
            FrameDirection::Received => "received",
        };
        let fate = match sighting.fate {
            Fate::Departed(Departure::Nic(to) | Departure::Tunnel(to)) => {
                format!("{verb} to {}", narrator.site(to))
            }
            Fate::Departed(to) => format!("{verb} to {}", departure_name(to)),
            Fate::Delivered => format!("{verb}, delivered to the guest"),
            Fate::Forwarded(leaves) => {
                format!("{verb}, forwarded through {}", narrator.site(leaves))
            }
            Fate::Dropped(dropped) => format!("{verb}, {}", narrator.dropped(dropped)),
        };
        let evidence = sighting
            .evidence
            .iter()
            .filter(|step| !is_told_by_the_fate(step))
            .map(|step| {
                let record = narrator.record(step, sighting.nic);
                format!("{}: {}", record.stage.word(), record.text)
            });
        std::iter::once(fate).chain(evidence).collect()
    }
}

fn is_told_by_the_fate(step: &Step) -> bool {
    matches!(
        step,
        Step::Sent { .. } | Step::Delivered { .. } | Step::StaysInGuest { .. }
    )
}
