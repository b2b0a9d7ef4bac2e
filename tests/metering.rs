//! Bytes that cross peerings, and what they cost (P-13).

use std::fs;

use crate::vnetsim::world::World;

const EXERCISE: &str = "sales-marketing-research";

fn links(world: &World, words: &[&str]) -> Vec<(String, u64, u64)> {
    let words = [words, &["--meter", "-o", "json"]].concat();
    let document = world.json(&words);
    let links = document["meter"]["links"].as_array().expect("links").iter();
    let mut links: Vec<(String, u64, u64)> = links
        .map(|link| {
            let bytes = |key: &str| link[key].as_u64().expect("bytes");
            let id = link["id"].as_str().expect("an id");
            let name = id.rsplit('/').next().expect("a name");
            (name.to_owned(), bytes("ingressBytes"), bytes("egressBytes"))
        })
        .collect();
    links.sort();
    links
}

#[test]
fn each_side_of_a_peering_counts_what_comes_in_and_what_goes_out() {
    let world = World::example(EXERCISE);
    // 56 bytes of data in 84 bytes of IP, there and back, four times.
    let ping = ["ping", "SalesVM", "MarketingVM"];
    assert_eq!(
        links(&world, &ping),
        [
            ("MarketingVNet-To-SalesVNet".to_owned(), 336, 336),
            ("SalesVNet-To-MarketingVNet".to_owned(), 336, 336),
        ]
    );
    // 3028 bytes travel as 1500, 1500 and 68.
    let long = ["ping", "SalesVM", "MarketingVM", "-c", "1", "-s", "3000"];
    assert_eq!(links(&world, &long)[0].1, 3068);
    // What does not leave the network crosses nothing.
    assert_eq!(
        links(&world, &["ping", "SalesVM", "ResearchVM", "-c", "1"]),
        []
    );
}

#[test]
fn a_hub_pays_for_both_of_its_peerings_and_a_refused_packet_has_crossed() {
    let world = World::example("hub-spoke-nva");
    let through = ["ping", "Spoke1VM", "Spoke2VM", "-c", "1"];
    let counted = links(&world, &through);
    assert_eq!(counted.len(), 4, "{counted:?}");
    assert!(
        counted.iter().all(|link| (link.1, link.2) == (84, 84)),
        "{counted:?}"
    );
    // The SYN dies at the rules of Spoke2; 40 bytes have gone all the way.
    let refused = ["ping", "Spoke1VM", "Spoke2VM", "-c", "1", "--tcp", "23"];
    let counted = links(&world, &refused);
    assert!(
        counted.contains(&("Spoke2-To-Hub".to_owned(), 40, 0)),
        "{counted:?}"
    );
}

#[test]
fn prices_are_the_users_and_go_by_the_zone_of_each_side() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("prices.yaml");
    let path = file.to_str().expect("a path in UTF-8");
    let prices = "
currency: EUR
bytesPerGb: 84
local: { ingress: 1, egress: 2.5 }
global:
  zone1: { ingress: 10, egress: 20 }
  zone2: { ingress: 100, egress: 200 }
zones: { northeurope: zone1, North Europe: ZONE1, westeurope: zone2 }
";
    fs::write(&file, prices).expect("the table");
    let world = World::example(EXERCISE);
    let ask = |to: &'static str| {
        let words = [
            "ping",
            "MarketingVM",
            to,
            "-c",
            "1",
            "--meter",
            "--prices",
            path,
            "-o",
            "json",
        ];
        world.json(&words)["meter"].clone()
    };
    let local = ask("SalesVM");
    assert_eq!(local["currency"], "EUR");
    assert_eq!(local["links"][0]["cost"], 3.5);
    assert_eq!(local["totals"]["cost"], 7.0);
    let global = ask("ResearchVM");
    let mut costs: Vec<(String, f64)> = global["links"]
        .as_array()
        .expect("links")
        .iter()
        .map(|link| {
            assert_eq!(link["global"], true);
            let name = link["virtualNetwork"].as_str().expect("a name");
            (name.to_owned(), link["cost"].as_f64().expect("a cost"))
        })
        .collect();
    costs.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        costs,
        [
            ("MarketingVNet".to_owned(), 30.0),
            ("ResearchVNet".to_owned(), 300.0)
        ]
    );
    let table = world.ask(&[
        "ping",
        "MarketingVM",
        "SalesVM",
        "-c",
        "1",
        "--meter",
        "--prices",
        path,
    ]);
    let table = table.yes();
    assert!(
        table.contains("Total") && table.contains("7 EUR"),
        "{table}"
    );
}

#[test]
fn a_table_without_a_price_is_told_and_a_wrong_one_is_refused_with_its_places() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("prices.yaml");
    let path = file.to_str().expect("a path in UTF-8");
    let world = World::example(EXERCISE);
    let ask = |to: &'static str| {
        world.ask(&[
            "ping",
            "MarketingVM",
            to,
            "-c",
            "1",
            "--meter",
            "--prices",
            path,
        ])
    };
    fs::write(&file, "local: { ingress: 1, egress: 1 }").expect("the table");
    let answer = ask("ResearchVM");
    assert!(
        answer.err.contains("the price table lacks zones"),
        "{}",
        answer.err
    );
    answer.yes();

    fs::write(&file, "local: { ingress: -1 }\nworld: 3\nglobal: 7").expect("the table");
    let message = ask("SalesVM").failed();
    for expected in [
        "local.ingress",
        "local.egress",
        "'world'",
        "global",
        "prices.yaml:1",
    ] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
}
