//! A network in a folder of its own, and the questions that tests ask about it.

use std::fs;

use serde_json::Value;

use super::{Answer, run_in};

/// A network and whatever was changed in it.
#[derive(Debug)]
pub(crate) struct World {
    folder: tempfile::TempDir,
    /// What `-t` takes as long as nothing was changed.
    topology: String,
    options: Vec<String>,
}

/// State, prefix and next hop type of an effective route.
pub(crate) type Row = (String, String, String);

/// A row as tests write it.
pub(crate) fn row(state: &str, prefix: &str, kind: &str) -> Row {
    (state.to_owned(), prefix.to_owned(), kind.to_owned())
}

/// The answer of `explain`.
#[derive(Debug)]
pub(crate) struct Explained(Value);

impl Explained {
    /// `reachable` and so on.
    pub(crate) fn verdict(&self) -> &str {
        self.0["verdict"].as_str().expect("a verdict")
    }

    /// Reason and place of the first obstacle.
    #[track_caller]
    pub(crate) fn obstacle(&self) -> (String, String) {
        let first = &self.0["obstacles"][0];
        let text = |key: &str| match first[key].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("nothing is in the way: {:#}", self.0),
        };
        (text("reason"), text("at"))
    }

    /// True if the first obstacle's object holds this text somewhere.
    pub(crate) fn names(&self, text: &str) -> bool {
        self.0["obstacles"][0]["object"].to_string().contains(text)
    }
}

impl World {
    /// A scenario.
    pub(crate) fn of(scenario: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        fs::write(folder.path().join("net.yaml"), scenario).expect("the scenario");
        Self {
            folder,
            topology: "net.yaml".to_owned(),
            options: Vec::new(),
        }
    }

    /// A scenario in which texts are replaced, each wherever it stands.
    #[track_caller]
    pub(crate) fn changed(scenario: &str, changes: &[(&str, &str)]) -> Self {
        let mut text = scenario.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "the scenario has no '{from}'");
            text = text.replace(from, to);
        }
        Self::of(&text)
    }

    /// A built-in network.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            topology: format!("example:{name}"),
            ..Self::of("")
        }
    }

    /// With an option set.
    pub(crate) fn set(mut self, option: &str) -> Self {
        self.options.push(format!("--set={option}"));
        self
    }

    /// Reads the scenario in this process.
    pub(crate) fn load(&self) -> ::vnetsim::model::Network {
        use ::vnetsim::formats::load::{LoadOptions, load};
        let topology = self.folder.path().join(&self.topology);
        let loaded = load(&[topology], &LoadOptions::default());
        loaded.unwrap_or_else(|refused| panic!("{refused}")).network
    }

    fn present(&self) -> String {
        if self.folder.path().join("state.yaml").exists() {
            "state.yaml".to_owned()
        } else {
            self.topology.clone()
        }
    }

    /// Runs a command on the network as it is now.
    pub(crate) fn ask(&self, words: &[&str]) -> Answer {
        let topology = self.present();
        let mut line: Vec<&str> = words.to_vec();
        line.extend(["-t", &topology]);
        line.extend(self.options.iter().map(String::as_str));
        run_in(self.folder.path(), &line)
    }

    /// The answer as a document.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let answer = self.ask(words);
        serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"))
    }

    /// A command line that changes the network; words separated by blanks.
    #[track_caller]
    pub(crate) fn change(&self, line: &str) {
        self.on_state(line).yes();
    }

    /// The message of a command line that is refused.
    #[track_caller]
    pub(crate) fn refused(&self, line: &str) -> String {
        self.on_state(line).failed()
    }

    fn on_state(&self, line: &str) -> Answer {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.extend(["--state", "state.yaml", "-t", &self.topology]);
        run_in(self.folder.path(), &words)
    }

    /// The links of a virtual network.
    #[track_caller]
    pub(crate) fn links(&self, vnet: &str) -> Vec<Value> {
        let words = [
            "az",
            "network",
            "vnet",
            "peering",
            "list",
            "--vnet-name",
            vnet,
        ];
        self.json(&words).as_array().expect("a list").clone()
    }

    /// One link.
    #[track_caller]
    pub(crate) fn link(&self, vnet: &str, name: &str) -> Value {
        let mut links = self.links(vnet).into_iter();
        let found = links.find(|link| link["name"] == name);
        found.unwrap_or_else(|| panic!("{vnet} has no link {name}"))
    }

    /// The effective routes of a NIC, in their order.
    #[track_caller]
    pub(crate) fn rows(&self, nic: &str) -> Vec<Row> {
        let routes = self.json(&["effective-routes", nic, "-o", "json"]);
        let routes = routes["value"].as_array().expect("rows").iter();
        routes
            .map(|route| {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                (
                    text(&route["state"]),
                    text(&route["addressPrefix"][0]),
                    text(&route["nextHopType"]),
                )
            })
            .collect()
    }

    /// The next hop addresses of the row with this prefix.
    #[track_caller]
    pub(crate) fn hop_addresses(&self, nic: &str, prefix: &str) -> Option<Vec<String>> {
        let routes = self.json(&["effective-routes", nic, "-o", "json"]);
        let mut routes = routes["value"].as_array().expect("rows").iter();
        let found = routes.find(|route| route["addressPrefix"][0] == prefix)?;
        let addresses = found["nextHopIpAddress"].as_array().expect("a list").iter();
        Some(
            addresses
                .map(|address| address.as_str().expect("a text").to_owned())
                .collect(),
        )
    }

    /// Type and address of the next hop.
    #[track_caller]
    pub(crate) fn next_hop(&self, from: &str, to: &str) -> (String, Option<String>) {
        let hop = self.json(&["next-hop", from, to, "-o", "json"]);
        let text = |key: &str| hop[key].as_str().map(str::to_owned);
        (
            text("nextHopType").expect("a type"),
            text("nextHopIpAddress").filter(|address| !address.is_empty()),
        )
    }

    /// The TTL with which one echo is answered.
    #[track_caller]
    pub(crate) fn ping(&self, from: &str, to: &str) -> Option<u8> {
        let answer = self.ask(&["ping", from, to, "-c", "1"]);
        match answer.code {
            Some(0) => {
                let ttl = answer.out.split("ttl=").nth(1);
                let ttl = ttl.and_then(|text| text.split_whitespace().next());
                Some(ttl.expect("a TTL").parse().expect("a number"))
            }
            Some(1) => None,
            _ => panic!("{answer:#?}"),
        }
    }

    /// The addresses that show themselves on the way.
    #[track_caller]
    pub(crate) fn hops(&self, from: &str, to: &str) -> Vec<String> {
        let out = self.ask(&["traceroute", from, to]).yes();
        let hops = out.lines().skip(1).filter_map(|line| {
            let address = line.split('(').nth(1)?.split(')').next()?;
            Some(address.to_owned())
        });
        hops.collect()
    }

    /// What `explain` says, with further words such as `--tcp 80`.
    #[track_caller]
    pub(crate) fn explain(&self, from: &str, to: &str, more: &[&str]) -> Explained {
        let words = [&["explain", from, to, "-o", "json"][..], more].concat();
        Explained(self.json(&words))
    }
}
