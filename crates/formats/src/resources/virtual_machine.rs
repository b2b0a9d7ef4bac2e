//! Virtual machines.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use model::{Guest, NicId, PowerState, ResourceId, VirtualMachineRequest};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, Reference};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::Value;

/// Machines as the NICs name them, in the order of the NICs.
#[derive(Default)]
struct MachinesOfNics {
    machines: Vec<(ResourceId, Vec<AttachedNic>)>,
    by_id: HashMap<ResourceId, usize, RandomState>,
}

/// A NIC and whether it says that it is the primary one.
type AttachedNic = (NicId, bool);

impl MachinesOfNics {
    fn attach(&mut self, machine: ResourceId, nic: AttachedNic) {
        let next = self.machines.len();
        let position = *self.by_id.entry(machine.clone()).or_insert(next);
        if position == next {
            self.machines.push((machine, Vec::new()));
        }
        self.machines[position].1.push(nic);
    }

    fn of(&self, machine: &ResourceId) -> &[AttachedNic] {
        let position = self.by_id.get(machine);
        position.map_or(&[], |&position| &self.machines[position].1)
    }
}

impl Builder<'_> {
    pub(super) fn virtual_machines(&mut self) {
        let collection = self.collection;
        let machines = self.machines_of_nics();
        for record in collection.of_kind(Kind::VirtualMachine) {
            self.virtual_machine(record, machines.of(&record.id));
        }
        self.implied_machines(&machines);
    }

    fn machines_of_nics(&self) -> MachinesOfNics {
        let mut machines = MachinesOfNics::default();
        for record in self.collection.of_kind(Kind::NetworkInterface) {
            let view = View::of_resource(&record.documents, record.span);
            let machine = view.object("virtualMachine");
            let id =
                machine.and_then(|machine| ResourceId::parse(machine.get("id")?.as_str()?).ok());
            // NICs of scale sets name a machine of the set; it is listed as unsupported with the set.
            let Some(id) = id.filter(|id| Kind::of_id(id) == Kind::VirtualMachine) else {
                continue;
            };
            if let Some(nic) = self.network.nics().find(&record.id) {
                let primary = view.get("primary").and_then(Value::as_bool) == Some(true);
                machines.attach(id, (nic, primary));
            }
        }
        for (_, nics) in &mut machines.machines {
            nics.sort_by_key(|&(_, primary)| !primary);
        }
        machines
    }

    fn virtual_machine(&mut self, record: &Record, attached: &[AttachedNic]) {
        let view = self.open(record);
        let profile = view
            .object("networkProfile")
            .unwrap_or_else(|| view.clone());
        let listed = self.reader.objects(&profile, "networkInterfaces");
        let mut nics = Vec::new();
        for interface in &listed {
            let primary = self.reader.flag(interface, "primary").unwrap_or(false);
            let Some(text) = self.reader.text(interface, "id") else {
                if interface.get("id").is_none() {
                    self.reader
                        .missing(interface, "id", "the id of a network interface");
                }
                continue;
            };
            let span = interface
                .get("id")
                .map_or(interface.span(), |value| value.span);
            let reference = Reference {
                text,
                span,
                path: interface.path("id"),
            };
            let Some(id) = self.resolve(&reference, Kind::NetworkInterface) else {
                continue;
            };
            if let Some(nic) = self.network.nics().find(&id) {
                nics.push((nic, primary));
            } else {
                // A dump of machines may reach further than the dump of NICs.
                let severity = self.reader.origin().severity();
                self.dangling(&reference, &id, Kind::NetworkInterface, severity);
            }
        }
        nics.sort_by_key(|&(_, primary)| !primary);
        if listed.is_empty() {
            self.reader.unsupported(
                &profile,
                "networkInterfaceConfigurations",
                "the NICs that the VM would create are not in the input",
            );
            nics = attached.to_vec();
        }
        let mut each_once: Vec<NicId> = Vec::with_capacity(nics.len());
        for (nic, _) in nics {
            if !each_once.contains(&nic) {
                each_once.push(nic);
            }
        }
        let request = VirtualMachineRequest {
            id: record.id.clone(),
            location: self.location(&view),
            zone: zone(&view),
            nics: each_once,
            power: self.power(&view),
            guest: Guest::default(),
        };
        let result = self.network.create_virtual_machine(request);
        self.created(&record.id, record.span, result);
    }

    /// `powerState` of `az vm list -d`, or the instance view. Unknown counts as running.
    fn power(&mut self, view: &View<'_>) -> PowerState {
        if let Some(text) = view.get("powerState").and_then(|value| value.as_str()) {
            return self.power_named(text, view);
        }
        let instance = view
            .object("instanceView")
            .or_else(|| view.object("extended")?.object("instanceView"));
        let Some(instance) = instance else {
            return PowerState::Running;
        };
        if let Some(text) = instance
            .object("powerState")
            .and_then(|state| state.get("code")?.as_str())
        {
            return self.power_named(text, view); // `az graph query`
        }
        let statuses = instance.objects("statuses", |_, _| ());
        let code = statuses
            .iter()
            .filter_map(|status| status.get("code")?.as_str())
            .find(|code| {
                code.get(..11)
                    .is_some_and(|start| start.eq_ignore_ascii_case("PowerState/"))
            });
        code.map_or(PowerState::Running, |code| self.power_named(code, view))
    }

    fn power_named(&mut self, text: &str, view: &View<'_>) -> PowerState {
        text.parse().unwrap_or_else(|_| {
            let message =
                format!("the power state '{text}' is not known; the VM counts as running");
            self.reader
                .push(Diagnostic::note(Code::AssumedValue, message).at(view.span()));
            PowerState::Running
        })
    }

    /// `az network nic list` alone tells which machines there are.
    fn implied_machines(&mut self, machines: &MachinesOfNics) {
        let mut implied = 0;
        for (id, nics) in &machines.machines {
            if self.collection.find(id).is_some() {
                continue;
            }
            let location = self.network.nics()[nics[0].0].location.clone();
            let request = VirtualMachineRequest {
                id: id.clone(),
                location,
                zone: None,
                nics: nics.iter().map(|&(nic, _)| nic).collect(),
                power: PowerState::Running,
                guest: Guest::default(),
            };
            implied += usize::from(self.network.create_virtual_machine(request).is_ok());
        }
        if implied > 0 {
            let message =
                format!("{implied} VMs are known from their NICs only; they count as running");
            self.reader
                .diagnostics
                .push(Diagnostic::note(Code::AssumedValue, message));
        }
    }

    /// What is wrong from now on is wrong with this resource.
    pub(super) fn reopen(&mut self, id: &ResourceId) {
        let origin = self
            .collection
            .find(id)
            .map_or(Origin::Authored, |record| record.origin);
        self.reader.begin(id, origin);
    }
}

/// `["1"]`, or in a scenario `1`.
fn zone(view: &View<'_>) -> Option<String> {
    let value = view.first(&["zones", "zone"])?.1;
    let value = value
        .as_array()
        .map_or(Some(value), |zones| zones.first())?;
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| value.as_i64().map(|zone| zone.to_string()))
}
