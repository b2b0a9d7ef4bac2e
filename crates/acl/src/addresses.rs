//! The address side of a rule.

use std::net::Ipv4Addr;

use fib::AddressSet;
use ipnet::Ipv4Net;

/// A symbolic set of addresses: one of 32 bits in the class masks of a [`Key`](crate::Key).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u8);

impl ClassId {
    /// Classes that can be told apart in one rule set.
    pub const COUNT: u8 = 32;

    /// `None` if `bit` is not below [`COUNT`](Self::COUNT).
    pub const fn new(bit: u8) -> Option<Self> {
        if bit < Self::COUNT {
            Some(Self(bit))
        } else {
            None
        }
    }

    /// Position of the class in a class mask, 0 to 31.
    pub const fn bit(self) -> u8 {
        self.0
    }

    /// The class mask with this class alone.
    pub const fn mask(self) -> u32 {
        1 << self.0
    }
}

/// The addresses that one side of a rule accepts: those of a set of prefixes, and those of any of its classes.
///
/// The default accepts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    listed: AddressSet,
    /// No class if every address is listed: it could add nothing, and equal meanings stay equal values.
    classes: u32,
}

impl Addresses {
    /// Every address.
    pub fn any() -> Self {
        AddressSet::all().into()
    }

    /// What this side or `other` accepts.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(
            self.listed.union(&other.listed),
            self.classes | other.classes,
        )
    }

    /// Whether every address is accepted, whatever its classes.
    pub fn is_any(&self) -> bool {
        self.listed.is_all()
    }

    /// The addresses that are accepted whatever their classes.
    pub fn listed(&self) -> &AddressSet {
        &self.listed
    }

    /// Mask of the classes whose members are accepted.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// Whether `address`, a member of `classes`, is accepted.
    pub fn matches(&self, address: Ipv4Addr, classes: u32) -> bool {
        self.classes & classes != 0 || self.listed.contains(address)
    }

    pub(crate) fn new(listed: AddressSet, classes: u32) -> Self {
        let classes = if listed.is_all() { 0 } else { classes };
        Self { listed, classes }
    }
}

impl From<AddressSet> for Addresses {
    fn from(listed: AddressSet) -> Self {
        Self::new(listed, 0)
    }
}

impl From<ClassId> for Addresses {
    fn from(class: ClassId) -> Self {
        Self::new(AddressSet::EMPTY, class.mask())
    }
}

impl FromIterator<Ipv4Net> for Addresses {
    fn from_iter<I: IntoIterator<Item = Ipv4Net>>(prefixes: I) -> Self {
        AddressSet::from_iter(prefixes).into()
    }
}

/// The union of the classes.
impl FromIterator<ClassId> for Addresses {
    fn from_iter<I: IntoIterator<Item = ClassId>>(classes: I) -> Self {
        Self::new(
            AddressSet::EMPTY,
            classes
                .into_iter()
                .fold(0, |mask, class| mask | class.mask()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirty_two_classes() {
        assert_eq!(ClassId::new(31).map(ClassId::mask), Some(0x8000_0000));
        assert_eq!(ClassId::new(32), None);
    }

    #[test]
    fn a_side_accepts_its_prefixes_and_its_classes() {
        let class = ClassId::new(3).unwrap();
        let side =
            Addresses::from_iter(["10.0.0.0/8".parse::<Ipv4Net>().unwrap()]).union(&class.into());
        assert!(side.matches(Ipv4Addr::new(10, 1, 1, 1), 0));
        assert!(side.matches(Ipv4Addr::new(8, 8, 8, 8), class.mask()));
        assert!(!side.matches(Ipv4Addr::new(8, 8, 8, 8), !class.mask()));
    }

    #[test]
    fn any_swallows_classes_and_nothing_accepts_nothing() {
        let class: Addresses = ClassId::new(0).unwrap().into();
        assert_eq!(class.union(&Addresses::any()), Addresses::any());
        assert!(!Addresses::default().matches(Ipv4Addr::UNSPECIFIED, u32::MAX));
    }
}
