//! What only a running network knows: which machines run, what gateways have learned. Templates and plans do not say it.

use model::{GatewayId, LearnedRoute, Network, PowerState, VmId};
use reach::diff::{Objects, Side};

/// State of the first network's objects that the second one has, too, without saying it.
#[derive(Debug, Default)]
pub(super) struct State {
    machines: Vec<(VmId, PowerState)>,
    gateways: Vec<(GatewayId, Vec<LearnedRoute>)>,
}

impl State {
    /// Machines that run in the second network alone, and gateways that have learned something in the first alone; nothing where the
    /// second network says such a thing of any.
    pub(super) fn missing(objects: &Objects<'_>) -> Self {
        let networks = [Side::Before, Side::After].map(|side| objects.inventory(side).network);
        let partner = |id| {
            let other = objects.partner(objects.find(Side::Before, id)?)?;
            let items = objects.inventory(Side::After).items();
            Some(&items[other.position as usize].id)
        };
        let [before, after] = networks;
        let mut state = Self::default();
        let mut machines = after.virtual_machines().values();
        if machines.all(|vm| vm.power == PowerState::Running) {
            let stopped = before.virtual_machines().values();
            let stopped = stopped.filter(|vm| vm.power != PowerState::Running);
            let known = stopped.filter_map(|vm| {
                let vm_after = after.virtual_machines().find(partner(&vm.id)?)?;
                Some((vm_after, vm.power))
            });
            state.machines = known.collect();
        }
        let mut gateways = after.gateways().values();
        if gateways.all(|gateway| gateway.learned_routes.is_empty()) {
            let learned = before.gateways().values();
            let learned = learned.filter(|gateway| !gateway.learned_routes.is_empty());
            let known = learned.filter_map(|gateway| {
                let gateway_after = after.gateways().find(partner(&gateway.id)?)?;
                Some((gateway_after, gateway.learned_routes.clone()))
            });
            state.gateways = known.collect();
        }
        state
    }

    pub(super) fn is_empty(&self) -> bool {
        self.machines.is_empty() && self.gateways.is_empty()
    }

    /// Lets the network have it.
    pub(super) fn keep(self, after: &mut Network) {
        for (vm, power) in self.machines {
            after.set_power(vm, power);
        }
        for (gateway, routes) in self.gateways {
            after.set_learned_routes(gateway, routes);
        }
    }

    /// In words: `4 VMs are not running`.
    pub(super) fn words(&self) -> String {
        let counted = |count: usize, one: &str, several: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {several}")),
        };
        let parts = [
            counted(
                self.machines.len(),
                "VM is not running",
                "VMs are not running",
            ),
            counted(
                self.gateways.len(),
                "gateway has learned routes",
                "gateways have learned routes",
            ),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}
