//! The compiled rule set names the same deciding rule as a look at every rule: with every kernel, one packet at a time
//! and in batches.

use std::net::Ipv4Addr;

use acl::{Addresses, ClassId, Kernel, Key, NO_MATCH, Ports, Protocols, Rule, RuleSet, linear};
use ipnet::Ipv4Net;
use proptest::collection::vec;
use proptest::prelude::*;

/// Few distinct networks, so that rules overlap, shadow and touch each other, and the ends of the address space.
fn prefix() -> impl Strategy<Value = Ipv4Net> {
    let base = prop::sample::select(vec![
        0u32,
        0x0A00_0000,
        0x0A01_0000,
        0x0A01_01FF,
        0xC0A8_0000,
        u32::MAX,
    ]);
    (base, 0..4u32, prop_oneof![1..=32u8, 14..=17u8, 30..=32u8]).prop_map(
        |(base, offset, length)| Ipv4Net::new_assert(base.wrapping_add(offset).into(), length),
    )
}

fn class() -> impl Strategy<Value = Addresses> {
    prop::sample::select(vec![0u8, 1, 2, 31]).prop_map(|bit| ClassId::new(bit).unwrap().into())
}

fn addresses() -> impl Strategy<Value = Addresses> {
    let listed = || vec(prefix(), 0..5).prop_map(Addresses::from_iter);
    prop_oneof![
        3 => Just(Addresses::any()),
        4 => listed(),
        2 => class(),
        1 => (listed(), class(), class()).prop_map(|(listed, a, b)| listed.union(&a).union(&b)),
    ]
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![0..6u16, 65_533..=65_535u16, any::<u16>()]
}

fn ports() -> impl Strategy<Value = Ports> {
    let range = (port(), port()).prop_map(|(a, b)| a.min(b)..=a.max(b));
    prop_oneof![
        4 => Just(Ports::full()),
        3 => port().prop_map(Ports::from),
        3 => vec(range, 0..4).prop_map(Ports::from_iter),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let number = prop::sample::select(vec![0u8, 1, 6, 17, 255]).prop_map(Protocols::Number);
    let protocol = prop_oneof![Just(Protocols::Any), number];
    (addresses(), addresses(), protocol, ports(), ports()).prop_map(
        |(source, destination, protocol, source_ports, destination_ports)| Rule {
            source,
            destination,
            protocol,
            source_ports,
            destination_ports,
        },
    )
}

/// A rule that few keys match, so that the deciding one lies far down a long list.
fn narrow_rule() -> impl Strategy<Value = Rule> {
    let narrow = || {
        vec(
            (0x0A00_0000..0x0A00_0200u32).prop_map(|a| Ipv4Net::from(Ipv4Addr::from(a))),
            1..4,
        )
    };
    let addresses = || prop_oneof![5 => narrow().prop_map(Addresses::from_iter), 1 => class()];
    (addresses(), addresses(), ports()).prop_map(|(source, destination, destination_ports)| Rule {
        source,
        destination,
        destination_ports,
        ..Rule::any()
    })
}

fn address() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0x0A00_0000..0x0A00_0200u32,
        4 => prefix().prop_map(|prefix| u32::from(prefix.network())),
        2 => prefix().prop_map(|prefix| u32::from(prefix.broadcast()).wrapping_add(1)),
        1 => any::<u32>(),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let port = || prop_oneof![4 => port().prop_map(Some), 1 => Just(None)];
    let classes = || prop::sample::select(vec![0u32, 1, 2, 3, 4, 1 << 31, u32::MAX]);
    let protocol = prop::sample::select(vec![0u8, 1, 6, 17, 50, 255]);
    (
        address(),
        address(),
        protocol,
        port(),
        port(),
        classes(),
        classes(),
    )
        .prop_map(
            |(
                source,
                destination,
                protocol,
                source_port,
                destination_port,
                source_classes,
                destination_classes,
            )| Key {
                source: source.into(),
                destination: destination.into(),
                protocol,
                source_port,
                destination_port,
                source_classes,
                destination_classes,
            },
        )
}

/// A key that the rule accepts, if the rule accepts any: without it, most random keys match nothing.
fn key_for(rule: &Rule, random: Key) -> Key {
    let address = |side: &Addresses, otherwise| {
        side.listed()
            .ranges()
            .next()
            .map_or(otherwise, |r| (*r.end()).into())
    };
    let port = |ports: &Ports, otherwise| {
        ports
            .ranges()
            .last()
            .map_or(otherwise, |range| Some(*range.start()))
    };
    Key {
        source: address(&rule.source, random.source),
        destination: address(&rule.destination, random.destination),
        protocol: match rule.protocol {
            Protocols::Any => random.protocol,
            Protocols::Number(number) => number,
        },
        source_port: if rule.source_ports.is_full() {
            random.source_port
        } else {
            port(&rule.source_ports, None)
        },
        destination_port: port(&rule.destination_ports, random.destination_port),
        source_classes: random.source_classes | rule.source.classes(),
        destination_classes: random.destination_classes | rule.destination.classes(),
    }
}

/// Batches of these sizes: fewer keys than are looked up side by side, as many, and more.
const BATCHES: [usize; 3] = [7, 32, 45];

/// Asks for the keys, and for one aimed at each rule of a sample.
fn assert_agreement(rules: &[Rule], keys: &[Key]) -> Result<(), TestCaseError> {
    let set = RuleSet::build(rules);
    prop_assert_eq!(set.len(), rules.len());
    prop_assert_eq!(&set.rules(), rules, "read back");
    let some = rules.len().div_ceil(100).max(1);
    let aimed = rules.iter().step_by(some).chain(rules.last());
    let aimed = aimed
        .zip(keys.iter().cycle())
        .map(|(rule, &key)| key_for(rule, key));
    let keys: Vec<Key> = keys.iter().copied().chain(aimed).collect();
    let expected: Vec<Option<u32>> = keys
        .iter()
        .map(|key| linear::first_match(rules, key))
        .collect();
    for (key, number) in keys.iter().zip(0_u32..) {
        let tried = rules
            .iter()
            .zip(0..)
            .skip(number as usize % some)
            .step_by(some);
        for (rule, position) in tried {
            prop_assert_eq!(
                set.matches(position, key),
                rule.matches(key),
                "{}, {:?}",
                position,
                key
            );
        }
    }
    for kernel in Kernel::available() {
        let name = kernel.name();
        for (key, &expected) in keys.iter().zip(&expected) {
            let first = set.first_match_with(kernel, key);
            prop_assert_eq!(first, expected, "{}, {:?}", name, key);
        }
        for size in BATCHES {
            for (keys, expected) in keys.chunks(size).zip(expected.chunks(size)) {
                let mut matches = vec![7; keys.len()]; // to be written over, whatever it holds
                set.first_match_batch_with(kernel, keys, &mut matches);
                let expected: Vec<u32> = expected
                    .iter()
                    .map(|rule| rule.unwrap_or(NO_MATCH))
                    .collect();
                prop_assert_eq!(matches, expected, "{}, batches of {}", name, size);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn short_lists_agree(rules in vec(rule(), 0..40), keys in vec(key(), 1..60)) {
        assert_agreement(&rules, &keys)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_several_words_agree(rules in vec(narrow_rule(), 60..200), keys in vec(key(), 1..60)) {
        assert_agreement(&rules, &keys)?;
    }

    #[test]
    fn lists_longer_than_512_rules_agree(rules in vec(narrow_rule(), 513..800), keys in vec(key(), 1..60)) {
        assert_agreement(&rules, &keys)?;
    }
}

/// Lengths around every change of a row's width and of the number of blocks.
const LENGTHS: [usize; 21] = [
    1, 2, 12, 13, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025, 2048, 2049,
    4096, 4097,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 500, ..ProptestConfig::default() })]

    /// Few different rules, each many times, before one that decides last: the first of equal rules has to win, and most
    /// bits of a row have to be empty.
    #[test]
    fn lists_of_every_width_agree(
        length in prop::sample::select(LENGTHS.to_vec()),
        few in vec(prop_oneof![rule(), narrow_rule()], 1..8),
        last in rule(),
        keys in vec(key(), 1..40),
    ) {
        let mut rules: Vec<Rule> = few.into_iter().cycle().take(length - 1).collect();
        rules.push(last);
        assert_agreement(&rules, &keys)?;
    }
}

/// The rule for one destination port, for lists in which exactly one rule matches.
fn only_port(port: u16) -> Rule {
    Rule {
        destination_ports: port.into(),
        ..Rule::any()
    }
}

fn key_to_port(port: u16) -> Key {
    Key {
        source: Ipv4Addr::new(10, 0, 0, 4),
        destination: Ipv4Addr::new(10, 0, 0, 5),
        protocol: 6,
        source_port: Some(49_152),
        destination_port: Some(port),
        source_classes: 0,
        destination_classes: 0,
    }
}

/// Every kernel's answer to one key, alone and in the last lane of a batch.
fn answers(set: &RuleSet, key: Key) -> Vec<Option<u32>> {
    let answers = |kernel| {
        let mut matches = [7; 33];
        set.first_match_batch_with(kernel, &[key; 33], &mut matches);
        let in_batch = Some(matches[32]).filter(|&rule| rule != NO_MATCH);
        [set.first_match_with(kernel, &key), in_batch]
    };
    Kernel::available().flat_map(answers).collect()
}

#[test]
fn every_rule_of_a_list_of_any_length_can_decide() {
    for length in LENGTHS {
        let ports = || 0..u16::try_from(length).unwrap();
        let set = RuleSet::build(&ports().map(only_port).collect::<Vec<Rule>>());
        for port in ports().step_by(length.div_ceil(100)).chain(ports().last()) {
            for answer in answers(&set, key_to_port(port)) {
                assert_eq!(answer, Some(port.into()), "{length} rules");
            }
        }
        for answer in answers(&set, key_to_port(u16::MAX)) {
            assert_eq!(answer, None, "{length} rules");
        }
    }
}

#[test]
fn the_first_of_equal_rules_decides_and_the_last_rule_if_no_other_does() {
    for length in LENGTHS {
        let mut rules = vec![only_port(80); length];
        rules.push(Rule::any());
        let set = RuleSet::build(&rules);
        for answer in answers(&set, key_to_port(80)) {
            assert_eq!(answer, Some(0), "{length} equal rules");
        }
        for answer in answers(&set, key_to_port(81)) {
            assert_eq!(answer.map(|rule| rule as usize), Some(length));
        }
    }
}

#[test]
fn each_of_the_32_classes_selects_its_rules_on_either_side() {
    let class = |bit| Addresses::from(ClassId::new(bit).unwrap());
    let by_source = (0..ClassId::COUNT).map(|bit| Rule {
        source: class(bit),
        ..Rule::any()
    });
    let by_destination = (0..ClassId::COUNT).map(|bit| Rule {
        destination: class(bit),
        ..Rule::any()
    });
    let set = RuleSet::build(&by_source.chain(by_destination).collect::<Vec<Rule>>());
    for bit in 0..u32::from(ClassId::COUNT) {
        let source = Key {
            source_classes: 1 << bit,
            destination_classes: u32::MAX,
            ..key_to_port(80)
        };
        let destination = Key {
            source_classes: 0,
            destination_classes: 1 << bit,
            ..source
        };
        for answer in answers(&set, source) {
            assert_eq!(answer, Some(bit));
        }
        for answer in answers(&set, destination) {
            assert_eq!(answer, Some(32 + bit));
        }
    }
    for answer in answers(&set, key_to_port(80)) {
        assert_eq!(answer, None);
    }
}

#[test]
fn a_packet_without_ports_is_not_held_to_those_of_port_65535() {
    let last_port = Rule {
        source_ports: Ports::from(u16::MAX),
        ..only_port(u16::MAX)
    };
    let set = RuleSet::build(&[last_port, only_port(0), Rule::any()]);
    let without = Key {
        source_port: None,
        destination_port: None,
        ..key_to_port(0)
    };
    for answer in answers(&set, without) {
        assert_eq!(answer, Some(2));
    }
    let with = Key {
        source_port: Some(u16::MAX),
        ..key_to_port(u16::MAX)
    };
    for answer in answers(&set, with) {
        assert_eq!(answer, Some(0));
    }
}

#[test]
fn an_empty_list_matches_nothing() {
    let set = RuleSet::build(&[]);
    assert!(set.is_empty());
    assert_eq!(set.first_match(&key_to_port(80)), None);
    let mut matches = [0];
    set.first_match_batch(&[key_to_port(80)], &mut matches);
    assert_eq!(matches, [NO_MATCH]);
}

#[test]
fn a_thousand_rules_with_a_hundred_prefixes_each_stay_within_a_few_megabytes() {
    // 100,000 prefixes a side, scattered over 10.0.0.0/8 and nested in another rule's /16.
    let scattered = |rule: u32, salt: u32| {
        (0..100u32).map(move |i| {
            let address = 0x0A00_0000 | (rule * 100 + i).wrapping_mul(0x9E37_79B1 ^ salt) >> 8;
            let length = if i == 0 { 16 } else { 24 + (i % 9) as u8 };
            Ipv4Net::new_assert(address.into(), length)
        })
    };
    let rules: Vec<Rule> = (0..1000)
        .map(|rule| Rule {
            source: scattered(rule, 0).collect(),
            destination: scattered(rule, 0x5555_5554).collect(),
            ..Rule::any()
        })
        .collect();
    let set = RuleSet::build(&rules);
    assert!(set.memory() < 16 << 20, "{} bytes", set.memory());
    for rule in rules.iter().step_by(37) {
        let key = key_for(rule, key_to_port(80));
        assert_eq!(set.first_match(&key), linear::first_match(&rules, &key));
    }
}
