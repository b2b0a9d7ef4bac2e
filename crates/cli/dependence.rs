//! Notes about the options on which tables and answers depend.

use control::Snapshot;
use diagnose::dependence::of_view;
use model::Network;

use crate::console::Console;

/// Options behind effective routes and next hops.
pub(crate) const ROUTES: &[&str] = &["noneRoutes", "bgpPeerRoutes"];
/// Options behind effective security groups.
pub(crate) const GROUPS: &[&str] = &["udrInVnetTag", "internetTag", "bgpPeerRoutes"];
/// Options behind the verdict of rules.
pub(crate) const VERDICTS: &[&str] = &[
    "udrInVnetTag",
    "internetTag",
    "bgpPeerRoutes",
    "icmpPorts",
    "vnetAccessWithoutNsg",
    "quirks",
];
/// Options behind answers of routers and of the fabric, which `explain` does not ask for.
pub(crate) const MESSAGES: &[&str] = &["icmpRelated", "fabricIcmp"];

/// One note for each of the options with another value of which `view` would be another one.
pub(crate) fn tell<T: PartialEq>(
    network: &Network,
    snapshot: &Snapshot,
    options: &[&str],
    view: impl Fn(&Network, &Snapshot) -> T,
    console: &mut Console<'_>,
) {
    for differs in of_view(network, snapshot, options, view) {
        console.message(format_args!("note: {differs}"));
    }
}
