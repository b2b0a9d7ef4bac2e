//! Typed tables: small indexes given once per network and never reused while it lives; a deleted object leaves a hole.

use std::collections::HashMap;
use std::marker::PhantomData;

use foldhash::fast::RandomState;

use crate::id::ResourceId;
use crate::journal::Journal;

/// An index into one [`Table`]; meaningless in another network.
pub trait Key: Copy {
    /// From a position in the table.
    fn from_index(index: usize) -> Self;
    /// The position in the table.
    fn index(self) -> usize;
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl Key for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("a network holds fewer than 2^32 resources of a kind"))
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl $name {
            /// The position in its table.
            pub const fn get(self) -> u32 {
                self.0
            }

            /// From a position in its table, for compiled tables that store plain numbers.
            pub const fn new(position: u32) -> Self {
                Self(position)
            }
        }
    )+};
}

keys! {
    /// A virtual network.
    VnetId,
    /// A subnet.
    SubnetId,
    /// A network interface, the hidden ones of firewalls and gateway instances included.
    NicId,
    /// A virtual machine.
    VmId,
    /// A route table.
    RouteTableId,
    /// A network security group.
    NsgId,
    /// An application security group.
    AsgId,
    /// One peering link.
    LinkId,
    /// A virtual network gateway.
    GatewayId,
    /// A local network gateway.
    LocalGatewayId,
    /// A gateway connection.
    ConnectionId,
    /// A public address.
    PublicIpId,
    /// A load balancer.
    LoadBalancerId,
    /// A NAT gateway.
    NatGatewayId,
    /// An Azure firewall.
    FirewallId,
    /// A network outside Azure.
    OnPremisesId,
    /// A virtual network manager.
    NetworkManagerId,
    /// A firewall policy.
    FirewallPolicyId,
    /// A group of addresses for firewalls.
    IpGroupId,
    /// A route server.
    RouteServerId,
    /// A managed routing appliance.
    VirtualNetworkApplianceId,
    /// A private endpoint.
    PrivateEndpointId,
}

/// Something with a resource id.
pub trait Resource {
    /// The full resource id.
    fn id(&self) -> &ResourceId;

    /// The resource's own name.
    fn name(&self) -> &str {
        self.id().name()
    }
}

/// Resources of one kind in the order in which they were added, found by index or by resource id.
#[derive(Clone, Debug)]
pub struct Table<K, T> {
    rows: Vec<Option<T>>,
    /// Ids are long texts: the standard hasher would take as long as everything else.
    by_id: HashMap<ResourceId, u32, RandomState>,
    /// Every way to change a row goes through it.
    journal: Journal,
    key: PhantomData<K>,
}

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            by_id: HashMap::default(),
            journal: Journal::default(),
            key: PhantomData,
        }
    }
}

impl<K: Key, T: Resource> Table<K, T> {
    /// The key that the next added resource gets.
    pub fn next_key(&self) -> K {
        K::from_index(self.rows.len())
    }

    /// Adds a resource whose id is not in the table yet: the caller has asked [`Table::find`].
    pub(crate) fn add(&mut self, resource: T) -> K {
        let key = self.next_key();
        let position = u32::try_from(self.rows.len())
            .expect("a network holds fewer than 2^32 resources of a kind");
        let previous = self.by_id.insert(resource.id().clone(), position);
        debug_assert!(previous.is_none(), "{} was added twice", resource.id());
        self.rows.push(Some(resource));
        self.journal.touch(position);
        key
    }

    /// Gives a key away for something that is numbered with these resources without being one: a hole from the beginning.
    pub(crate) fn reserve(&mut self) -> K {
        let key = self.next_key();
        self.rows.push(None);
        self.touch(key);
        key
    }

    /// Takes a resource out and leaves a hole.
    pub(crate) fn remove(&mut self, key: K) -> Option<T> {
        let resource = self.rows.get_mut(key.index())?.take()?;
        self.by_id.remove(resource.id());
        self.touch(key);
        Some(resource)
    }

    /// The key of a resource id, whatever its letter case.
    pub fn find(&self, id: &ResourceId) -> Option<K> {
        self.by_id
            .get(id)
            .map(|&position| K::from_index(position as usize))
    }

    /// The resource, unless it was deleted.
    pub fn get(&self, key: K) -> Option<&T> {
        self.rows.get(key.index())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.touch(key);
        self.get_mut_unrecorded(key)
    }

    /// The same for a change that the journal of another table tells.
    pub(crate) fn get_mut_unrecorded(&mut self, key: K) -> Option<&mut T> {
        self.rows.get_mut(key.index())?.as_mut()
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether this can be another table after a while: no key has come to mean another resource.
    pub(crate) fn can_follow(&self, before: &Self) -> bool {
        let mut pairs = self.rows.iter().zip(&before.rows);
        self.rows.len() >= before.rows.len()
            && pairs.all(|pair| match pair {
                (Some(now), Some(before)) => now.id() == before.id(),
                (None, _) => true,
                (Some(_), None) => false,
            })
    }

    /// Goes on with the history of a table that this one [can follow](Self::can_follow): what differs was touched since.
    pub(crate) fn follow(&mut self, before: &Self)
    where
        T: PartialEq,
    {
        self.journal = before.journal.clone();
        let known = before.rows.iter().map(Option::as_ref);
        // What is behind them is new.
        let known = known.chain(std::iter::repeat(None));
        for ((row, before), position) in self.rows.iter().zip(known).zip(0_u32..) {
            if row.as_ref() != before {
                self.journal.touch(position);
            }
        }
    }

    fn touch(&mut self, key: K) {
        let position = u32::try_from(key.index()).expect("keys are 32 bits wide");
        self.journal.touch(position);
    }

    /// All resources with their keys, in the order in which they were added.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &T)> {
        self.rows
            .iter()
            .enumerate()
            .filter_map(|(index, row)| Some((K::from_index(index), row.as_ref()?)))
    }

    /// All keys, in the order in which they were given.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> {
        self.iter().map(|(key, _)| key)
    }

    /// All resources, in the order in which they were added.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.iter().flatten()
    }

    /// Number of resources.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True if there is no resource.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Number of keys ever given, holes included: the length of a compiled table that is indexed by key.
    pub fn capacity(&self) -> usize {
        self.rows.len()
    }
}

impl<K: Key, T: Resource> std::ops::Index<K> for Table<K, T> {
    type Output = T;

    /// # Panics
    /// If the resource was deleted. Keys that come out of the network's own live resources never are.
    fn index(&self, key: K) -> &T {
        self.get(key)
            .expect("a key held by a live resource names a live resource")
    }
}
