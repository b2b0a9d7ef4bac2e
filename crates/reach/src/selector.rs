//! Who is meant by a few words: selectors of ends, as `matrix`, `diff` and `check` read them from a command line or a file.
//!
//! | word | means |
//! |---|---|
//! | `all`, `*` | every NIC that Azure lists |
//! | `vm:web-*`, `nic:NAME` | NICs of virtual machines, NICs |
//! | `vnet:spoke1`, `subnet:hub/Apps`, `asg:web`, `group:rg1` | NICs in them; a subnet without its network if only one has the name |
//! | `10.1.0.0/16`, `10.1.0.4` | NICs and hosts outside Azure by address; a public address that nobody has is one of the Internet |
//! | `tag:Sql.WestEurope` | the same for every prefix of a service tag that the input holds; `tag:Internet` is the Internet |
//! | `site:branch`, `site:branch/pc`, `on-premises` | hosts on premises and VPN clients, by the site or gateway behind which they are |
//! | `internet`, `internet:ADDRESS` | the Internet, or one of its hosts |
//! | a name or resource id alone | what other commands take it for: a VM with all its NICs, a NIC, `vm/nic`, a host outside; ids of everything above |
//!
//! Names hold `*` and `?`, and letter case does not count. Commas join words; `!` or `not ` before a word takes its ends away: from what the
//! other words mean, or from `all` if there is no other. Two resources of one name need an id or a pattern, as everywhere.
//!
//! What this does not know: verdicts.

mod everyone;
mod names;

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use model::ResourceId;
use model::lookup::LookupError;

pub use self::everyone::Everyone;

/// Ends of pairs in words. [`Everyone::meant_by`] finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    words: Vec<Word>,
}

/// One word of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    /// As it was written, without what excludes it.
    text: String,
    excludes: bool,
    means: Meaning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    All,
    Internet(Option<Ipv4Addr>),
    Prefix(Ipv4Net),
    Named(Kind, String),
    Id(ResourceId),
    Name(String),
}

/// What a word with a colon names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Machine,
    Nic,
    VirtualNetwork,
    Subnet,
    Asg,
    Group,
    Tag,
    Site,
}

/// A selector that says nothing, or means nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Words that are no selector.
    #[error("'{text}' is no selector: {expected}")]
    Syntax {
        /// The word.
        text: String,
        /// What it should have been.
        expected: String,
    },
    /// A name without a kind that is nobody's, or several resources'.
    #[error("{0}{1}")]
    Name(LookupError, String),
    /// Nothing of that kind has the name.
    #[error("there is no {what} '{name}' in the topology{hint}")]
    Unknown {
        /// The kind in words.
        what: &'static str,
        /// The name or pattern.
        name: String,
        /// What there is.
        hint: String,
    },
    /// It is there, but no end is in it.
    #[error("'{text}' selects nothing: {why}")]
    Empty {
        /// The word, or all of them.
        text: String,
        /// What is missing.
        why: String,
    },
}

impl SelectorError {
    /// Whether the selector could mean something in another network: only its words are understood.
    pub fn is_about_the_network(&self) -> bool {
        !matches!(self, Self::Syntax { .. })
    }
}

impl Selector {
    /// Every NIC.
    pub fn all() -> Self {
        Self {
            words: vec![Word {
                text: "all".to_owned(),
                excludes: false,
                means: Meaning::All,
            }],
        }
    }

    /// The single addresses among its words: a host that the input does not hold may be assumed at one.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.words.iter().filter_map(|word| match word.means {
            Meaning::Prefix(prefix) if prefix.prefix_len() == 32 => Some(prefix.addr()),
            _ => None,
        })
    }
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Machine,
        Self::Nic,
        Self::VirtualNetwork,
        Self::Subnet,
        Self::Asg,
        Self::Group,
        Self::Tag,
        Self::Site,
    ];

    /// Before the colon.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "vm",
            Self::Nic => "nic",
            Self::VirtualNetwork => "vnet",
            Self::Subnet => "subnet",
            Self::Asg => "asg",
            Self::Group => "group",
            Self::Tag => "tag",
            Self::Site => "site",
        }
    }

    /// In a sentence.
    const fn in_words(self) -> &'static str {
        match self {
            Self::Machine => "VM",
            Self::Nic => "NIC",
            Self::VirtualNetwork => "virtual network",
            Self::Subnet => "subnet",
            Self::Asg => "application security group",
            Self::Group => "resource group",
            Self::Tag => "service tag",
            Self::Site => "host outside Azure",
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, word) in self.words.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let not = if word.excludes { "!" } else { "" };
            write!(f, "{comma}{not}{}", word.text)?;
        }
        Ok(())
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let words = text.split(',').map(str::trim);
        let words: Result<Vec<Word>, SelectorError> = words.map(Word::read).collect();
        Ok(Self { words: words? })
    }
}

impl Word {
    fn read(text: &str) -> Result<Self, SelectorError> {
        let bare = text
            .strip_prefix('!')
            .or_else(|| text.strip_prefix("not "))
            .map(str::trim_start);
        let word = bare.unwrap_or(text);
        Ok(Self {
            text: word.to_owned(),
            excludes: bare.is_some(),
            means: Meaning::read(word)?,
        })
    }
}

impl Meaning {
    fn read(text: &str) -> Result<Self, SelectorError> {
        let refused = |expected: String| SelectorError::Syntax {
            text: text.to_owned(),
            expected,
        };
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "" => {
                return Err(refused(
                    "expected a name, an address, KIND:NAME or all".into(),
                ));
            }
            "all" | "*" => return Ok(Self::All),
            "internet" => return Ok(Self::Internet(None)),
            "on-premises" => return Ok(Self::Named(Kind::Site, "*".to_owned())),
            _ => {}
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Prefix(address.into()));
        }
        if text.starts_with('/') {
            let id = ResourceId::parse(text).map_err(|error| refused(error.to_string()))?;
            return Ok(Self::Id(id));
        }
        if let Some((address, length)) = text.split_once('/')
            && address.parse::<Ipv4Addr>().is_ok()
        {
            return match text.parse::<Ipv4Net>() {
                Ok(prefix) => Ok(Self::Prefix(prefix.trunc())),
                Err(_) => Err(refused(format!(
                    "expected a length of 0 to 32 in place of '{length}'"
                ))),
            };
        }
        let Some((kind, name)) = text.split_once(':') else {
            return Ok(Self::Name(text.to_owned()));
        };
        let (kind, name) = (kind.trim(), name.trim());
        if kind.eq_ignore_ascii_case("internet") {
            return match name.parse() {
                Ok(address) => Ok(Self::Internet(Some(address))),
                Err(_) => Err(refused("expected internet:ADDRESS".into())),
            };
        }
        let known = Kind::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(kind));
        match known {
            Some(_) if name.is_empty() => Err(refused(format!("expected a name behind '{kind}:'"))),
            Some(_) if name.starts_with('/') => match ResourceId::parse(name) {
                Ok(id) => Ok(Self::Id(id)),
                Err(error) => Err(refused(error.to_string())),
            },
            Some(kind) => Ok(Self::Named(kind, name.to_owned())),
            None => Err(refused(format!(
                "expected {} or internet before the colon",
                Kind::ALL.map(Kind::as_str).join(", ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_printed_as_it_was_written() {
        for text in [
            "all",
            "*",
            "vm:web-*",
            "subnet:hub/Apps,!nic:n1",
            "10.1.0.0/16",
            "internet:8.8.8.8",
            "SalesVM",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
        let spaced: Selector = " vnet:a , not vm:b ".parse().unwrap();
        assert_eq!(spaced.to_string(), "vnet:a,!vm:b");
    }

    #[test]
    fn words_that_are_no_selector_are_told_what_was_expected() {
        for (text, expected) in [
            ("", "expected a name"),
            ("vnet:a,,vnet:b", "expected a name"),
            ("!", "expected a name"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/x", "0 to 32"),
            ("internet:here", "internet:ADDRESS"),
            ("vnet:", "a name behind 'vnet:'"),
            ("network:hub", "vm, nic, vnet, subnet"),
            ("/subscriptions/s", "/providers/"),
        ] {
            let error = text.parse::<Selector>().unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(!error.is_about_the_network());
        }
    }
}
