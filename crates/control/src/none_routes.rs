//! The `None` rows: reserved ranges that a NIC drops. Azure's list has changed over the years.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::options::NoneRoutes;

/// The prefixes of a profile in the order in which they are printed: by ascending length.
pub(crate) fn none_prefixes(profile: NoneRoutes) -> impl Iterator<Item = Ipv4Net> {
    let list: &[&[Prefix]] = match profile {
        NoneRoutes::Seed => &[&SEED],
        NoneRoutes::Doc4 => &[&DOC4],
        NoneRoutes::Doc8 => &[&DOC8],
        NoneRoutes::Obs2019 => &[&SEED, &[(25, 33, 80, 20), (25, 41, 3, 25)]],
        NoneRoutes::Obs2021 => &[&OBS2021_WIDE, &OBS2021_NARROW],
        NoneRoutes::Obs2023 => &[&OBS2023_WIDE, &OBS2021_NARROW],
        NoneRoutes::Obs2025 => &[&OBS2025],
    };
    list.iter()
        .flat_map(|part| part.iter())
        .map(|&(a, b, c, length)| Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length))
}

/// First three octets and length; the last octet is 0 everywhere.
type Prefix = (u8, u8, u8, u8);

/// The exercise and the documents until 2022: 172.16.0.0/12 was really absent then.
const SEED: [Prefix; 3] = [(10, 0, 0, 8), (100, 64, 0, 10), (192, 168, 0, 16)];

/// The documents of 2023.
const DOC4: [Prefix; 4] = [
    (10, 0, 0, 8),
    (100, 64, 0, 10),
    (172, 16, 0, 12),
    (192, 168, 0, 16),
];

/// The documents of 2025.
const DOC8: [Prefix; 8] = [
    (10, 0, 0, 8),
    (127, 0, 0, 8),
    (100, 64, 0, 10),
    (172, 16, 0, 12),
    (192, 168, 0, 16),
    (157, 59, 0, 16),
    (104, 147, 0, 16),
    (104, 146, 0, 17),
];

/// What a route server lab printed about 2021: prefixes shorter than /16.
const OBS2021_WIDE: [Prefix; 5] = [
    (10, 0, 0, 8),
    (100, 64, 0, 10),
    (25, 48, 0, 12),
    (25, 4, 0, 14),
    (198, 18, 0, 15),
];

/// The same lab: prefixes of /16 and longer.
const OBS2021_NARROW: [Prefix; 10] = [
    (157, 59, 0, 16),
    (192, 168, 0, 16),
    (25, 33, 0, 16),
    (40, 109, 0, 16),
    (104, 147, 0, 16),
    (40, 108, 0, 17),
    (104, 146, 0, 17),
    (23, 103, 0, 18),
    (25, 41, 0, 20),
    (20, 35, 252, 22),
];

/// What two labs printed in 2023: prefixes shorter than /16. The one that only one of them shows (25.30.0.0/15) is left out.
const OBS2023_WIDE: [Prefix; 7] = [
    (10, 0, 0, 8),
    (127, 0, 0, 8),
    (100, 64, 0, 10),
    (172, 16, 0, 12),
    (25, 48, 0, 12),
    (25, 4, 0, 14),
    (198, 18, 0, 15),
];

/// What a capture of 2025 prints.
const OBS2025: [Prefix; 21] = [
    (10, 0, 0, 8),
    (127, 0, 0, 8),
    (100, 64, 0, 10),
    (172, 16, 0, 12),
    (25, 176, 0, 13),
    (25, 152, 0, 14),
    (25, 184, 0, 14),
    (25, 4, 0, 14),
    (25, 148, 0, 15),
    (198, 18, 0, 15),
    (25, 150, 0, 16),
    (25, 156, 0, 16),
    (25, 159, 0, 16),
    (40, 109, 0, 16),
    (192, 168, 0, 16),
    (104, 147, 0, 16),
    (157, 59, 0, 16),
    (40, 108, 0, 17),
    (104, 146, 0, 17),
    (23, 103, 0, 18),
    (20, 35, 252, 22),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(NoneRoutes, usize); 7] = [
        (NoneRoutes::Seed, 3),
        (NoneRoutes::Doc4, 4),
        (NoneRoutes::Doc8, 8),
        (NoneRoutes::Obs2019, 5),
        (NoneRoutes::Obs2021, 15),
        (NoneRoutes::Obs2023, 17),
        (NoneRoutes::Obs2025, 21),
    ];

    #[test]
    fn every_profile_has_as_many_rows_as_were_printed_by_ascending_length() {
        for (profile, count) in ALL {
            let prefixes: Vec<Ipv4Net> = none_prefixes(profile).collect();
            assert_eq!(prefixes.len(), count, "{profile}");
            assert!(
                prefixes.is_sorted_by_key(Ipv4Net::prefix_len),
                "{profile}: {prefixes:?}"
            );
            assert!(prefixes.iter().all(|prefix| prefix.trunc() == *prefix));
            let mut distinct = prefixes.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), count, "{profile} repeats a prefix");
        }
    }

    #[test]
    fn the_exercise_has_no_row_for_172_16() {
        let shown: Vec<String> = none_prefixes(NoneRoutes::Seed)
            .map(|prefix| prefix.to_string())
            .collect();
        assert_eq!(shown, ["10.0.0.0/8", "100.64.0.0/10", "192.168.0.0/16"]);
    }
}
