//! Virtual machines and what runs in them, as far as packets notice.

use std::fmt;
use std::str::FromStr;

use crate::id::ResourceId;
use crate::spelling::PowerState;
use crate::table::{NicId, Resource};
use crate::virtual_network::Location;

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualMachine {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Availability zone, e.g. `1`.
    pub zone: Option<String>,
    /// The primary NIC first.
    pub nics: Vec<NicId>,
    /// Unknown counts as running.
    pub power: PowerState,
    /// What answers and forwards in the guest.
    pub guest: Guest,
}

/// What runs in a VM, as far as packets notice. Azure's files cannot say it; a scenario can.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Guest {
    /// `None` = not said: an appliance if a NIC has IP forwarding on, else a host.
    pub role: Option<GuestRole>,
    /// The appliance puts its own address in place of the source (masquerades).
    pub source_nat: bool,
    /// The appliance drops TCP packets of connections whose SYN it has not seen.
    pub stateful: bool,
    /// What listens; `None` = everything (networks are judged, not applications).
    pub listen: Option<Vec<Listener>>,
}

/// What a guest does with packets that are not for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestRole {
    /// Discards them (R-26c).
    Host,
    /// Routes them.
    Appliance,
}

/// A service that a guest offers: `tcp/443`, `udp/53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// A TCP port.
    Tcp(u16),
    /// A UDP port.
    Udp(u16),
}

/// A text that is not a listener.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a listener; expected tcp/PORT or udp/PORT, for example tcp/443")]
pub struct ListenerError(String);

impl FromStr for Listener {
    type Err = ListenerError;

    fn from_str(text: &str) -> Result<Self, ListenerError> {
        let fail = || ListenerError(text.to_owned());
        let (protocol, port) = text.split_once('/').ok_or_else(fail)?;
        let port = port.trim().parse().map_err(|_| fail())?;
        match protocol.trim().to_ascii_lowercase().as_str() {
            "tcp" => Ok(Self::Tcp(port)),
            "udp" => Ok(Self::Udp(port)),
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "tcp/{port}"),
            Self::Udp(port) => write!(f, "udp/{port}"),
        }
    }
}

impl Resource for VirtualMachine {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl VirtualMachine {
    /// The NIC that has the guest's default route (N-3); `None` for a VM whose NICs are not in the input.
    pub fn primary_nic(&self) -> Option<NicId> {
        self.nics.first().copied()
    }

    /// True unless the input says that the VM is stopped.
    pub fn is_running(&self) -> bool {
        self.power == PowerState::Running
    }
}
