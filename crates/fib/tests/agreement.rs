//! The compiled tables answer what a look at every prefix answers, on random tables and on the shapes that break
//! tables: prefixes nested to the last bit, neighbouring /32, ranges that touch, both ends of the address space.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fib::{AddressSet, Fib, Kernel, Ranges, linear};
use ipnet::Ipv4Net;
use proptest::collection::vec;
use proptest::prelude::*;

/// Half of the prefixes anywhere, half crowded around five addresses so that they nest, touch and repeat.
fn prefix() -> impl Strategy<Value = Ipv4Net> {
    let anywhere = (any::<u32>(), 0..=32u8);
    let corner = prop::sample::select(vec![0u32, 0x0A00_0000, 0x0A00_FFFF, 0x7FFF_FFFF, u32::MAX]);
    let crowded = (corner, -3..=3i32, prop_oneof![0..=32u8, 28..=32u8])
        .prop_map(|(corner, offset, length)| (corner.wrapping_add_signed(offset), length));
    prop_oneof![anywhere, crowded]
        .prop_map(|(address, length)| Ipv4Net::new_assert(address.into(), length))
}

/// A chain of prefixes that contain each other, as many as there are lengths.
fn nested() -> impl Strategy<Value = Vec<Ipv4Net>> {
    (any::<u32>(), vec(any::<bool>(), 33)).prop_map(|(address, kept)| {
        let chain = (0..=32u8).map(|length| Ipv4Net::new_assert(address.into(), length));
        chain
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .map(|(prefix, _)| prefix)
            .collect()
    })
}

fn prefixes() -> impl Strategy<Value = Vec<Ipv4Net>> {
    prop_oneof![8 => vec(prefix(), 0..64), 2 => nested(), 1 => vec(prefix(), 200..600)]
}

/// Both ends of every prefix, one address further on either side, and some addresses from anywhere.
fn probes(prefixes: &[Ipv4Net], anywhere: &[u32]) -> Vec<Ipv4Addr> {
    let edges = prefixes.iter().flat_map(|prefix| {
        let (first, last) = (u32::from(prefix.network()), u32::from(prefix.broadcast()));
        [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
    });
    edges
        .chain(anywhere.iter().copied())
        .chain([0, u32::MAX])
        .map(Ipv4Addr::from)
        .collect()
}

/// One route a prefix; the value tells routes apart.
fn routes(prefixes: &[Ipv4Net]) -> Vec<(Ipv4Net, usize)> {
    let distinct: BTreeMap<Ipv4Net, usize> = prefixes
        .iter()
        .enumerate()
        .map(|(value, prefix)| (prefix.trunc(), value))
        .collect();
    let mut routes: Vec<_> = distinct.into_iter().collect();
    routes.sort_by_key(|&(_, value)| value); // not in the order of the prefixes
    routes
}

proptest! {
    #[test]
    fn lookup_agrees_with_a_linear_scan(prefixes in prefixes(), anywhere in vec(any::<u32>(), 0..40)) {
        let routes = routes(&prefixes);
        let fib = Fib::build(routes.clone()).unwrap();
        let probes = probes(&prefixes, &anywhere);
        for &probe in &probes {
            let index = linear::lookup_index(&routes, probe);
            prop_assert_eq!(fib.lookup_index(probe).map(|index| index as usize), index, "{}", probe);
            prop_assert_eq!(fib.lookup(probe), linear::lookup(&routes, probe));
            prop_assert_eq!(fib.lookup_route(probe), index.map(|index| (routes[index].0, &routes[index].1)));
        }
    }

    #[test]
    fn every_kernel_agrees_with_a_linear_scan(
        prefixes in prefixes(),
        anywhere in vec(any::<u32>(), 0..40),
        batch in 1..100usize,
    ) {
        let routes = routes(&prefixes);
        let fib = Fib::build(routes.clone()).unwrap();
        let probes = probes(&prefixes, &anywhere);
        let expected: Vec<_> = probes.iter().map(|&probe| linear::lookup(&routes, probe).copied()).collect();
        let mut values = vec![None; probes.len()];
        fib.lookup_batch(&probes, &mut values);
        prop_assert_eq!(&values, &expected);
        for kernel in Kernel::available() {
            values.fill(None);
            for (probes, values) in probes.chunks(batch).zip(values.chunks_mut(batch)) {
                fib.lookup_batch_with(kernel, probes, values);
            }
            prop_assert_eq!(&values, &expected, "{} in batches of {}", kernel.name(), batch);
            for (&probe, expected) in probes.iter().zip(&expected) {
                prop_assert_eq!(fib.lookup_with(kernel, probe), expected.as_ref(), "{} for {}", kernel.name(), probe);
            }
        }
    }

    #[test]
    fn a_fold_over_prefixes_agrees_with_a_linear_scan(
        prefixes in prefixes(),
        anywhere in vec(any::<u32>(), 0..40),
    ) {
        // A combination that is neither commutative nor idempotent, so that order and repetition count.
        let combine = |around: u64, item: u64| around.wrapping_mul(31).wrapping_add(item);
        let items: Vec<(Ipv4Net, u64)> = prefixes.iter().copied().zip(1..).collect();
        let table = Ranges::fold_prefixes(7, items.clone(), combine);
        let probes = probes(&prefixes, &anywhere);
        let expected: Vec<u64> = probes.iter().map(|&probe| linear::fold(7, &items, probe, combine)).collect();
        for (&probe, &expected) in probes.iter().zip(&expected) {
            prop_assert_eq!(table.lookup(probe), expected, "{}", probe);
        }
        let keys: Vec<u32> = probes.iter().map(|&probe| probe.into()).collect();
        for kernel in Kernel::available() {
            let (mut by_address, mut by_number) = (vec![0; probes.len()], vec![0; probes.len()]);
            table.lookup_batch_with(kernel, &probes, &mut by_address);
            table.lookup_batch_with(kernel, &keys, &mut by_number);
            prop_assert_eq!(&by_address, &expected, "{} over addresses", kernel.name());
            prop_assert_eq!(&by_number, &expected, "{} over numbers", kernel.name());
            for (&probe, &expected) in probes.iter().zip(&expected) {
                prop_assert_eq!(table.lookup_with(kernel, probe), expected, "{} for {}", kernel.name(), probe);
            }
        }
    }

    #[test]
    fn every_kernel_agrees_on_ports(steps in vec((any::<u16>(), 0..9u8), 0..300), ports in vec(any::<u16>(), 0..150)) {
        let table = Ranges::from_steps(0, steps.iter().map(|&(port, value)| (port.into(), value)));
        // The last step at or below the port; of several at one port, the last.
        let expected: Vec<u8> = ports.iter().map(|&port| {
            let below = steps.iter().filter(|step| step.0 <= port);
            below.max_by_key(|step| step.0).map_or(0, |step| step.1)
        }).collect();
        for kernel in Kernel::available() {
            let mut values = vec![u8::MAX; ports.len()];
            table.lookup_batch_with(kernel, &ports, &mut values);
            prop_assert_eq!(&values, &expected, "{}", kernel.name());
        }
    }

    #[test]
    fn ranges_tile_the_key_space_and_neighbours_differ(prefixes in prefixes()) {
        let table = Ranges::fold_prefixes(0u32, prefixes.into_iter().zip([1, 2, 4].into_iter().cycle()), |a, b| a | b);
        let ranges: Vec<_> = table.iter().collect();
        prop_assert_eq!(ranges.len(), table.range_count());
        prop_assert_eq!(*ranges[0].0.start(), 0);
        prop_assert_eq!(*ranges[ranges.len() - 1].0.end(), u32::MAX);
        for [(left, left_value), (right, right_value)] in ranges.array_windows() {
            prop_assert_eq!(u64::from(*left.end()) + 1, u64::from(*right.start()));
            prop_assert_ne!(left_value, right_value);
        }
        for (range, value) in ranges {
            prop_assert_eq!([table.lookup(*range.start()), table.lookup(*range.end())], [value; 2]);
        }
    }

    #[test]
    fn set_operations_agree_with_membership(
        a in vec(prefix(), 0..20),
        b in vec(prefix(), 0..20),
        anywhere in vec(any::<u32>(), 0..40),
    ) {
        let (set_a, set_b): (AddressSet, AddressSet) = (a.iter().copied().collect(), b.iter().copied().collect());
        let both: Vec<Ipv4Net> = a.iter().chain(&b).copied().collect();
        for probe in probes(&both, &anywhere) {
            let (in_a, in_b) = (a.iter().any(|p| p.contains(&probe)), b.iter().any(|p| p.contains(&probe)));
            prop_assert_eq!(set_a.contains(probe), in_a);
            prop_assert_eq!(set_a.complement().contains(probe), !in_a);
            prop_assert_eq!(set_a.union(&set_b).contains(probe), in_a || in_b);
            prop_assert_eq!(set_a.intersection(&set_b).contains(probe), in_a && in_b);
            prop_assert_eq!(set_a.difference(&set_b).contains(probe), in_a && !in_b);
        }
        prop_assert_eq!(set_a.is_superset(&set_b), set_a.union(&set_b) == set_a);
        prop_assert_eq!(set_a.intersects(&set_b), !set_a.intersection(&set_b).is_empty());
        prop_assert_eq!(
            set_a.union(&set_b).address_count() + set_a.intersection(&set_b).address_count(),
            set_a.address_count() + set_b.address_count(),
        );
    }

    #[test]
    fn the_prefix_cover_is_exact_and_no_two_prefixes_of_it_can_be_joined(prefixes in prefixes()) {
        let set: AddressSet = prefixes.into_iter().collect();
        let cover: Vec<Ipv4Net> = set.prefixes().collect();
        prop_assert_eq!(cover.iter().copied().collect::<AddressSet>(), set);
        for [left, right] in cover.array_windows() {
            prop_assert!(left.broadcast() < right.network(), "{} and {} overlap", left, right);
            let siblings = left.prefix_len() == right.prefix_len() && left.supernet() == right.supernet();
            prop_assert!(!siblings, "{} and {} are one prefix", left, right);
        }
    }
}
