//! Rules as network security groups have them.

use std::net::Ipv4Addr;

use acl::{Addresses, ClassId, Key, Ports, Protocols, Rule};
use ipnet::Ipv4Net;

use crate::Random;

/// Keys of one pass.
pub const KEYS: usize = 16_384;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The class that stands for a service tag.
const TAG: ClassId = ClassId::new(0).expect("0 is below 32");

fn company_network() -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)
}

/// One to four prefixes of any length from /12 to /32.
fn listed(random: &mut Random) -> Addresses {
    let count = 1 + random.below::<u32>(4);
    let mut prefix = || {
        Ipv4Net::new_assert(
            random.address_in(company_network()),
            12 + random.below::<u8>(21),
        )
    };
    (0..count).map(|_| prefix()).collect()
}

/// Any address (half of the rules), the tag (a fifth), or prefixes.
fn open_or_listed(random: &mut Random) -> Addresses {
    match random.below::<u32>(10) {
        0..5 => Addresses::any(),
        5..7 => TAG.into(),
        _ => listed(random),
    }
}

/// One side of a rule names prefixes, as a rule for one application does.
fn sides(random: &mut Random) -> (Addresses, Addresses) {
    let (one, other) = (listed(random), open_or_listed(random));
    if random.below::<u32>(2) == 0 {
        (one, other)
    } else {
        (other, one)
    }
}

/// One side names one prefix, the other does too or is any: what every classifier understands.
fn plain_sides(random: &mut Random) -> (Addresses, Addresses) {
    let mut prefix = || {
        let prefix = Ipv4Net::new_assert(
            random.address_in(company_network()),
            12 + random.below::<u8>(21),
        );
        Addresses::from_iter([prefix])
    };
    let (one, other) = (prefix(), prefix());
    match random.below::<u32>(4) {
        0 => (one, Addresses::any()),
        1 => (Addresses::any(), other),
        _ => (one, other),
    }
}

/// Rules with lists of prefixes and a tag. Six of ten name one destination port, two a range, two any; the last rule matches
/// everything.
pub fn rules(count: usize) -> Vec<Rule> {
    rules_between(sides, count)
}

/// As [`rules`], with at most one prefix a side and no tag.
pub fn plain_rules(count: usize) -> Vec<Rule> {
    rules_between(plain_sides, count)
}

fn rules_between(sides: fn(&mut Random) -> (Addresses, Addresses), count: usize) -> Vec<Rule> {
    let mut random = Random::new(3);
    let mut rule = || {
        let (source, destination) = sides(&mut random);
        Rule {
            source,
            destination,
            protocol: *random.choose(&[
                Protocols::Any,
                Protocols::Number(TCP),
                Protocols::Number(UDP),
            ]),
            source_ports: Ports::full(),
            destination_ports: match random.below::<u32>(10) {
                0..6 => Ports::from(random.below::<u16>(1024)),
                6..8 => {
                    let first = random.below::<u16>(60_000);
                    [first..=first + random.below::<u16>(2_000)]
                        .into_iter()
                        .collect()
                }
                _ => Ports::full(),
            },
        }
    };
    (1..count).map(|_| rule()).chain([Rule::any()]).collect()
}

/// The same rules with the tag spelled out as two prefixes.
#[must_use]
pub fn without_tag(rules: Vec<Rule>) -> Vec<Rule> {
    let members: Addresses = ["10.0.0.0/9", "10.192.0.0/11"]
        .iter()
        .map(|prefix| prefix.parse::<Ipv4Net>().expect("a prefix of this file"))
        .collect();
    let spell_out = |side: Addresses| {
        if side.classes() == 0 {
            return side;
        }
        members.union(&side.listed().clone().into())
    };
    rules
        .into_iter()
        .map(|rule| Rule {
            source: spell_out(rule.source),
            destination: spell_out(rule.destination),
            ..rule
        })
        .collect()
}

/// Packets aimed at random rules, so that rules all over the list decide.
pub fn keys(rules: &[Rule]) -> Vec<Key> {
    let mut random = Random::new(4);
    let mut key = || {
        let rule = random.choose(rules);
        let mut address = |side: &Addresses| {
            let listed: Vec<Ipv4Net> = side.listed().prefixes().collect();
            if side.is_any() || listed.is_empty() {
                return random.address_in(company_network());
            }
            let prefix = *random.choose(&listed);
            random.address_in(prefix)
        };
        let (source, destination) = (address(&rule.source), address(&rule.destination));
        let ports = &rule.destination_ports.ranges()[0];
        let width = u32::from(ports.end() - ports.start()) + 1;
        Key {
            source,
            destination,
            protocol: match rule.protocol {
                Protocols::Any => *random.choose(&[TCP, UDP]),
                Protocols::Number(number) => number,
            },
            source_port: Some(49_152 + random.below::<u16>(16_384)),
            destination_port: Some(ports.start() + random.below::<u16>(width)),
            source_classes: rule.source.classes() | random.below::<u32>(2),
            destination_classes: rule.destination.classes() | random.below::<u32>(2),
        }
    };
    (0..KEYS).map(|_| key()).collect()
}
