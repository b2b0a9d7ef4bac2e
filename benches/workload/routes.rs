//! Routes as a subnet with many peers and user routes has them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::Random;

/// Destinations of one pass.
pub const DESTINATIONS: usize = 16_384;

/// A default route, address spaces and peers (/16 to /24), and user routes down to hosts crowded within them.
pub fn routes(count: usize) -> Vec<(Ipv4Net, u16)> {
    let mut random = Random::new(1);
    let mut routes = BTreeMap::from([(Ipv4Net::default(), 0)]);
    let mut spaces = Vec::new();
    while routes.len() < count {
        let space = if spaces.is_empty() || random.below::<u32>(2) == 0 {
            let inside = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8);
            let space =
                Ipv4Net::new_assert(random.address_in(inside), 16 + random.below::<u8>(9)).trunc();
            spaces.push(space);
            space
        } else {
            let space = *random.choose(&spaces);
            Ipv4Net::new_assert(random.address_in(space), 26 + random.below::<u8>(7)).trunc()
        };
        routes.insert(space, random.below(64));
    }
    routes.into_iter().collect()
}

/// Nine of ten destinations lie in a random route, one lies anywhere.
pub fn destinations(routes: &[(Ipv4Net, u16)]) -> Vec<Ipv4Addr> {
    let mut random = Random::new(2);
    let mut destination = || {
        if random.below::<u32>(10) == 0 {
            return random.address_in(Ipv4Net::default());
        }
        let (prefix, _) = *random.choose(routes);
        random.address_in(prefix)
    };
    (0..DESTINATIONS).map(|_| destination()).collect()
}
