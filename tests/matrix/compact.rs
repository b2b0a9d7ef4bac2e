//! The compact form: read as its page says, and what of it changes.

use std::fs;

use serde_json::Value;

use super::{EDGE, HUB, fields, lines, matrix};
use crate::vnetsim::run_in;

#[test]
fn the_compact_form_tells_places_and_stays_when_a_like_machine_is_added() {
    let compact = ["-o", "compact", "--service", "icmp,tcp/1433", "-t", HUB];
    assert_eq!(
        matrix(&compact),
        include_str!("../golden/matrix-compact.txt")
    );

    let net = |machines: &str, rule: &str| {
        format!(
            "virtualNetworks:
  a: {{ addressSpace: [10.1.0.0/16], subnets: {{ web: 10.1.1.0/24, db: {{ prefix: 10.1.2.0/24, networkSecurityGroup: db }} }} }}
  b: {{ addressSpace: [10.2.0.0/16], subnets: {{ web: 10.2.1.0/24 }} }}
networkSecurityGroups:
  db:
    securityRules:
      - {{ name: web, priority: 100, direction: Inbound, access: {rule}, protocol: Tcp, source: 10.1.1.0/24, destination: '*', destinationPorts: [1433] }}
      - {{ name: rest, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' }}
virtualMachines:
  web-1: {{ subnet: a/web }}
  web-2: {{ subnet: a/web }}
  db-1: {{ subnet: a/db }}
  db-2: {{ subnet: a/db }}
  other: {{ subnet: b/web }}
{machines}"
        )
    };
    let text = |net: String| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("net.yaml"), net).expect("a file");
        let words = [
            "matrix",
            "-o",
            "compact",
            "--service",
            "tcp/1433",
            "-t",
            "net.yaml",
        ];
        run_in(folder.path(), &words).yes()
    };
    let before = text(net("", "Allow"));
    let more = "  web-3: { subnet: a/web }\n  db-3: { subnet: a/db }\n";
    assert_eq!(text(net(more, "Allow")), before);
    let changed = text(net("", "Deny"));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(&before), lines(&changed));
    let gone = old.iter().filter(|line| !new.contains(line)).count();
    let come = new.iter().filter(|line| !old.contains(line)).count();
    assert!((1..=4).contains(&(gone + come)), "{before}\n{changed}");
}

/// Lines that are in one text alone, each as often as it is missing in the other.
fn differing(one: &str, other: &str) -> usize {
    let mut balance: std::collections::HashMap<&str, i64> = std::collections::HashMap::new();
    for line in one.lines() {
        *balance.entry(line).or_default() += 1;
    }
    for line in other.lines() {
        *balance.entry(line).or_default() -= 1;
    }
    let lines = balance.values().map(|count| count.unsigned_abs());
    usize::try_from(lines.sum::<u64>()).expect("few lines")
}

#[test]
fn one_rule_of_300_machines_changes_few_lines_of_the_compact_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let sizes = "--shape subscription --nics 300 --vnets 12 --subnets 40 --hubs 2 --nsgs 20 --rules 10 --seed 7 -o net.yaml";
    let words: Vec<&str> = ["generate"].into_iter().chain(sizes.split(' ')).collect();
    run_in(folder.path(), &words).yes();
    let net = folder.path().join("net.yaml");
    let text = fs::read_to_string(&net).expect("a file");
    let compact = || {
        let words = "matrix --service tcp/443 -o compact -t net.yaml";
        run_in(folder.path(), &words.split(' ').collect::<Vec<_>>()).yes()
    };
    let before = compact();
    let all = before.lines().count();
    assert!(all > 100, "{before}");
    let mut changed = 0;
    // Not every rule says anything about this service, or is the first to say it.
    for (place, word) in text.match_indices("access: Allow").step_by(3).take(40) {
        let rest = &text[place + word.len()..];
        let rule = rest.split("- name:").next().unwrap_or_default();
        if rule.contains("destinationPorts") && !rule.contains("443") {
            continue;
        }
        fs::write(&net, format!("{}access: Deny{rest}", &text[..place])).expect("a file");
        changed = differing(&before, &compact());
        if changed > 0 {
            break;
        }
    }
    assert!((1..all / 3).contains(&changed), "{changed} of {all} lines");
}

/// Places of sources, and what is said below them: places and verdicts.
type Block<'t> = (Vec<&'t str>, Vec<(&'t str, &'t str)>);

/// Reads the compact form as its page says, and holds it against CSV.
#[test]
fn the_compact_form_read_as_its_page_says_gives_every_pair() {
    for (topology, service) in [
        (HUB, "tcp/1433"),
        (HUB, "icmp"),
        ("example:sales-marketing-research", "icmp"),
        (EDGE, "tcp/80"),
    ] {
        let words = [
            "--service",
            service,
            "--from",
            "all,internet",
            "--to",
            "all,internet",
            "-t",
            topology,
        ];
        let csv = matrix(&[&["-o", "csv"], &words[..]].concat());
        let compact = matrix(&[&["-o", "compact"], &words[..]].concat());
        let show: Value =
            serde_json::from_str(&matrix(&[&["-o", "json"], &words[..]].concat())).expect("JSON");
        assert!(show["matrices"][0]["pairs"].is_array());
        let mut blocks: Vec<Block<'_>> = Vec::new();
        for line in compact.lines().skip(4) {
            if let Some(place) = line.strip_prefix("from ") {
                match blocks.last_mut() {
                    Some((places, facts)) if facts.is_empty() => places.push(place),
                    _ => blocks.push((vec![place], Vec::new())),
                }
            } else if let Some(fact) = line.strip_prefix("  ") {
                let fact = fact.trim_end_matches(" depends-on-hash");
                let fact = fact.rsplit_once(' ').expect("a place and a verdict");
                blocks.last_mut().expect("a block").1.push(fact);
            }
        }
        // How special a place is for an end.
        let names: Vec<&str> = lines(&csv).map(|line| fields(line)[0]).collect();
        let members = |place: &str| -> Vec<String> {
            if place == "*" {
                return names.iter().map(|&name| name.to_owned()).collect();
            }
            let found = matrix(&[
                "-o",
                "csv",
                "--from",
                place,
                "--to",
                "all,internet",
                "-t",
                topology,
            ]);
            lines(&found)
                .map(|line| fields(line)[0].to_owned())
                .collect()
        };
        let rank = |place: &str| match place.split_once(':') {
            _ if place == "*" => 0,
            Some(("vnet" | "site", _)) => 1,
            Some(("subnet", _)) => 2,
            _ => 3,
        };
        let mut known: std::collections::HashMap<&str, Vec<String>> =
            std::collections::HashMap::new();
        for (places, facts) in &blocks {
            for place in places
                .iter()
                .copied()
                .chain(facts.iter().map(|(place, _)| *place))
            {
                known.entry(place).or_insert_with(|| members(place));
            }
        }
        let holds = |place: &str, end: &str| known[place].iter().any(|member| member == end);
        for line in lines(&csv).filter(|line| !line.ends_with("edge")) {
            let [from, _, to, _, _, verdict, ..] = fields(line)[..] else {
                panic!("{line}");
            };
            let block = blocks
                .iter()
                .flat_map(|(places, facts)| places.iter().map(move |place| (*place, facts)))
                .filter(|(place, _)| holds(place, from))
                .max_by_key(|(place, _)| rank(place));
            let Some((_, facts)) = block else {
                panic!("no block for {from}\n{compact}");
            };
            let fact = facts
                .iter()
                .filter(|(place, _)| holds(place, to))
                .max_by_key(|(place, _)| rank(place));
            let read = fact.map_or("unreachable", |(_, verdict)| verdict);
            assert_eq!(read, verdict, "{line}\n{compact}");
        }
    }
}
