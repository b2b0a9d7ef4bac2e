//! One of several by a hash of the five-tuple: next hops that share a prefix, members behind a frontend, instances of a gateway.

use control::Snapshot;
use control::snapshot::{CompiledFib, FibEntry, FrontendId, Health, Member, NextHop};
use model::NicId;

use crate::dropped::{DropReason, Dropped, Locator};
use crate::packet::{FiveTuple, protocol};
use crate::recorder::{Recorder, Step};

/// of several next hops of one prefix the one for this five-tuple. The two directions of a flow are chosen for themselves, as
/// routers do, so question and answer may pass different appliances.
pub(super) fn one_of_shared(fib: &CompiledFib, entry: FibEntry, tuple: FiveTuple) -> FibEntry {
    let NextHop::Shared(group) = entry.next_hop else {
        return entry;
    };
    let group = fib
        .shared
        .get(usize::from(group))
        .map_or(&[][..], Vec::as_slice);
    let count = u64::try_from(group.len()).unwrap_or(u64::MAX).max(1);
    usize::try_from(tuple.hash() % count)
        .ok()
        .and_then(|position| group.get(position))
        .copied()
        .unwrap_or(entry)
}

/// the rule that takes the packet, and of its members that are up the one that both directions of a flow choose.
pub(super) fn member_of(
    snapshot: &Snapshot,
    frontend: FrontendId,
    tuple: FiveTuple,
    recorder: &mut impl Recorder,
) -> Result<Member, Dropped> {
    let Some((rule, member)) = chosen(snapshot, frontend, tuple) else {
        let at = Locator::Frontend(frontend);
        return recorder.end(Dropped::new(DropReason::NoBackend, at));
    };
    recorder.record(Step::Balanced {
        frontend,
        rule: u16::try_from(rule).unwrap_or(u16::MAX),
        member: member.nic,
    });
    Ok(member)
}

/// The position of the rule that takes a packet, and the member that it gives it to.
pub(super) fn chosen(
    snapshot: &Snapshot,
    frontend: FrontendId,
    tuple: FiveTuple,
) -> Option<(usize, Member)> {
    let has_ports = matches!(tuple.protocol, protocol::TCP | protocol::UDP);
    let port = has_ports.then_some(tuple.destination_port);
    let (position, rule) = snapshot.frontend(frontend).rule_for(tuple.protocol, port)?;
    let is_up = |member: &&Member| member.health == Health::Up;
    let up = rule.members.iter().filter(is_up).count();
    let number = position_of(up, tuple)?;
    let member = rule.members.iter().filter(is_up).nth(number)?;
    Some((position, *member))
}

pub(super) fn choose(candidates: &[NicId], tuple: FiveTuple) -> Option<NicId> {
    Some(candidates[position_of(candidates.len(), tuple)?])
}

/// A position below `count`, the same for both directions of a flow; `None` if there is none.
pub(super) fn position_of(count: usize, tuple: FiveTuple) -> Option<usize> {
    let count = u64::try_from(count).ok().filter(|&count| count > 0)?;
    usize::try_from(tuple.symmetric_hash() % count).ok()
}
