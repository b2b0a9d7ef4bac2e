//! Ends by where they are: everything, networks and sites, subnets, single ends. Facts about many ends are told in few words: what holds
//! for a place holds for all in it, unless a place inside says otherwise.
//!
//! Words are selectors. Places stand in the order of their words, so that a new address moves nothing.

use std::collections::BTreeMap;

use model::table::Resource;
use model::{Network, OutsidePlace, ResourceId};
use reach::{End, Ends};

/// The word for all ends.
pub const ALL: &str = "*";

/// The ends of one side of a matrix, as a tree.
#[derive(Clone, Debug)]
pub struct Places {
    root: Place,
    /// By position: which of the places inside, from the root on.
    ways: Vec<[u32; DEPTH]>,
}

/// Networks, subnets, ends.
const DEPTH: usize = 3;

#[derive(Clone, Debug, Default)]
struct Place {
    word: String,
    /// Positions, ascending.
    ends: Vec<u32>,
    inside: Vec<Place>,
}

/// What is to be said of a place.
struct Opinion<T> {
    says: Option<T>,
    /// All ends of which anything is to be said say this.
    is_unanimous: bool,
}

impl Places {
    /// The places of ends with these names.
    pub fn new(network: &Network, ends: &Ends, names: &[String]) -> Self {
        let vnets = network.virtual_networks();
        let subnets = network.subnets();
        let vnet_words = Words::of(
            vnets
                .values()
                .map(|vnet| (vnet.name().to_owned(), &vnet.id)),
        );
        let subnet_words = Words::of(subnets.values().map(|subnet| {
            let vnet = &vnets[subnet.virtual_network];
            (format!("{}/{}", vnet.name(), subnet.name()), &subnet.id)
        }));
        // By network or site, then by subnet.
        let mut tree: BTreeMap<String, BTreeMap<String, Vec<u32>>> = BTreeMap::new();
        for ((position, end), name) in (0_u32..).zip(ends).zip(names) {
            let (outer, inner) = match network.nics().get(end.worker) {
                Some(nic) => {
                    let vnet = &vnets[nic.virtual_network];
                    let subnet = nic
                        .ip_configurations
                        .iter()
                        .find(|own| own.private_address == end.address)
                        .map_or(nic.subnet(), |own| own.subnet);
                    let subnet = &subnets[subnet];
                    let full = format!("{}/{}", vnet.name(), subnet.name());
                    (
                        format!("vnet:{}", vnet_words.word(vnet.name(), &vnet.id)),
                        format!("subnet:{}", subnet_words.word(&full, &subnet.id)),
                    )
                }
                None => (place_outside(network, end, name), String::new()),
            };
            let inner = tree.entry(outer).or_default().entry(inner).or_default();
            inner.push(position);
        }
        let leaf = |position: u32| Place {
            word: names[position as usize].clone(),
            ends: vec![position],
            inside: Vec::new(),
        };
        let leaves = |positions: Vec<u32>| {
            let mut leaves: Vec<Place> = positions.into_iter().map(leaf).collect();
            leaves.sort_by(|a, b| a.word.cmp(&b.word));
            leaves
        };
        let outer = tree.into_iter().map(|(word, inner)| {
            let inside = inner.into_iter().flat_map(|(word, positions)| {
                if word.is_empty() {
                    return leaves(positions);
                }
                vec![Place {
                    word,
                    ends: positions.clone(),
                    inside: leaves(positions),
                }]
            });
            Place::around(word, inside.collect())
        });
        let root = Place::around(ALL.to_owned(), outer.collect());
        let mut ways = vec![[0; DEPTH]; names.len()];
        root.number(0, &mut ways);
        Self { root, ways }
    }

    /// Says of every end what `of` says, in few words: of a place what more than half of the places in it have, if that is not what was
    /// said around it, and then of those what they have. `None`: nothing has to be said.
    pub fn told<T: Clone + Ord>(
        &self,
        around: Option<&T>,
        of: &impl Fn(usize) -> Option<T>,
    ) -> Vec<(&str, T)> {
        let mut told = Vec::new();
        self.root.tell(around, of, &mut told);
        told
    }

    /// The places that hold these ends, each given once, and no others: as large as can be.
    pub fn covering(&self, ends: &[u32]) -> Vec<&str> {
        let mut words = Vec::new();
        self.root.cover(0, ends, &self.ways, &mut words);
        words
    }

    /// Networks and sites with the positions of their ends.
    pub fn networks(&self) -> impl ExactSizeIterator<Item = (&str, &[u32])> {
        let networks = self.root.inside.iter();
        networks.map(|place| (place.word.as_str(), place.ends.as_slice()))
    }
}

impl Place {
    fn around(word: String, inside: Vec<Self>) -> Self {
        let ends = inside.iter().flat_map(|place| place.ends.iter().copied());
        let mut ends: Vec<u32> = ends.collect();
        ends.sort_unstable();
        Self { word, ends, inside }
    }

    fn tell<'p, T: Clone + Ord>(
        &'p self,
        around: Option<&T>,
        of: &impl Fn(usize) -> Option<T>,
        told: &mut Vec<(&'p str, T)>,
    ) {
        let Some(opinion) = self.opinion(of) else {
            return;
        };
        let said = opinion.says.as_ref().or(around);
        if let Some(said) = said
            && around != Some(said)
        {
            told.push((&self.word, said.clone()));
        }
        if !opinion.is_unanimous {
            for place in &self.inside {
                place.tell(said, of, told);
            }
        }
    }

    /// What more than half of the places directly inside say: how many ends they have plays no part. `None`: nobody says anything.
    fn opinion<T: Clone + Ord>(&self, of: &impl Fn(usize) -> Option<T>) -> Option<Opinion<T>> {
        if self.inside.is_empty() {
            let &end = self.ends.first()?;
            return Some(Opinion {
                says: Some(of(end as usize)?),
                is_unanimous: true,
            });
        }
        let (mut votes, mut counts, mut are_unanimous) = (0, BTreeMap::<T, usize>::new(), true);
        for opinion in self.inside.iter().filter_map(|place| place.opinion(of)) {
            votes += 1;
            are_unanimous &= opinion.is_unanimous;
            if let Some(says) = opinion.says {
                *counts.entry(says).or_default() += 1;
            }
        }
        let is_unanimous = are_unanimous && counts.len() == 1;
        let most = counts.into_iter().find(|&(_, count)| 2 * count > votes);
        (votes > 0).then(|| Opinion {
            says: most.map(|(says, _)| says),
            is_unanimous,
        })
    }

    /// Notes for every end which place it is in, at this depth and below.
    fn number(&self, depth: usize, ways: &mut [[u32; DEPTH]]) {
        for (number, place) in (0_u32..).zip(&self.inside) {
            for &end in &place.ends {
                ways[end as usize][depth] = number;
            }
            place.number(depth + 1, ways);
        }
    }

    /// `wanted` is in this place.
    fn cover<'p>(
        &'p self,
        depth: usize,
        wanted: &[u32],
        ways: &[[u32; DEPTH]],
        words: &mut Vec<&'p str>,
    ) {
        if wanted.len() == self.ends.len() {
            words.push(&self.word);
            return;
        }
        let mut inside: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &end in wanted {
            let number = ways[end as usize][depth];
            inside.entry(number).or_default().push(end);
        }
        for (number, wanted) in inside {
            self.inside[number as usize].cover(depth + 1, &wanted, ways, words);
        }
    }
}

/// The place of an end that is behind no NIC of Azure.
fn place_outside(network: &Network, end: &End, name: &str) -> String {
    let Some(host) = network.outside_host(end.worker) else {
        return name.to_owned();
    };
    match host.place {
        OutsidePlace::OnPremises(site) => format!("site:{}", network.on_premises()[site].name()),
        OutsidePlace::VpnClient(gateway) => format!("site:{}", network.gateways()[gateway].name()),
        OutsidePlace::Internet => "internet".to_owned(),
    }
}

/// Names that resources share, which need ids.
struct Words {
    shared: std::collections::HashSet<String>,
}

impl Words {
    fn of<'n>(names: impl Iterator<Item = (String, &'n ResourceId)>) -> Self {
        let mut seen = std::collections::HashSet::new();
        let shared = names.filter_map(|(name, _)| {
            let name = name.to_ascii_lowercase();
            (!seen.insert(name.clone())).then_some(name)
        });
        Self {
            shared: shared.collect(),
        }
    }

    fn word(&self, name: &str, id: &ResourceId) -> String {
        if self.shared.contains(&name.to_ascii_lowercase()) {
            id.to_string()
        } else {
            name.to_owned()
        }
    }
}
