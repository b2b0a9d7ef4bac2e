//! What has got another name, as the user says it: `OLD=NEW`.

use std::fmt;

use model::ResourceId;

use super::inventory::Inventory;
use super::objects::value_of;

/// An old name and the new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    old: String,
    new: String,
    place: Place,
}

/// Which part of an id a renaming is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its beginning, up to a slash or the end.
    Prefix,
    /// The value behind a label: subscription or resource group.
    Behind(&'static str),
    /// The name of the first resource behind `providers`.
    Resource,
}

/// Why a renaming cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenamingError {
    /// Not `OLD=NEW`.
    #[error("'{0}' is no renaming; expected OLD=NEW, for example rg-old=rg-new")]
    Form(String),
    /// An id on one side, a name on the other.
    #[error(
        "'{0}' has an id on one side only; expected two ids, or beginnings of ids, or two names"
    )]
    Sides(String),
    /// No such thing in the first network.
    #[error("'{0}' is no subscription, resource group or resource of the first network")]
    Unknown(String),
    /// Several resources have the name.
    #[error("several resources of the first network are named '{name}'; say the id:\n  {}", .ids.join("\n  "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Some of them.
        ids: Vec<String>,
    },
}

const SUBSCRIPTIONS: &str = "subscriptions";
const RESOURCE_GROUPS: &str = "resourceGroups";
/// So many candidates are told.
const CANDIDATES: usize = 5;

impl Renaming {
    /// Reads `OLD=NEW`: ids, beginnings of ids, or names of a subscription, a resource group or one resource of the first network.
    pub fn parse(text: &str, before: &Inventory<'_>) -> Result<Self, RenamingError> {
        let form = || RenamingError::Form(text.to_owned());
        let (old, new) = text.split_once('=').ok_or_else(form)?;
        let [old, new] = [old, new].map(|name| name.trim().trim_end_matches('/'));
        if old.is_empty() || new.is_empty() {
            return Err(form());
        }
        if old.contains('/') != new.contains('/') {
            return Err(RenamingError::Sides(text.to_owned()));
        }
        let place = if old.contains('/') {
            if !old.starts_with('/') || !new.starts_with('/') {
                return Err(form());
            }
            Place::Prefix
        } else {
            Self::place_of(old, before)?
        };
        Ok(Self {
            old: old.to_owned(),
            new: new.to_owned(),
            place,
        })
    }

    fn place_of(old: &str, before: &Inventory<'_>) -> Result<Place, RenamingError> {
        let is_old = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(old));
        let items = || before.items().iter().filter(|item| item.is_listed);
        if items().any(|item| is_old(item.id.resource_group())) {
            return Ok(Place::Behind(RESOURCE_GROUPS));
        }
        if items().any(|item| is_old(item.id.subscription())) {
            return Ok(Place::Behind(SUBSCRIPTIONS));
        }
        let mut ids: Vec<String> = items()
            .filter(|item| {
                is_old(Some(item.id.name()))
                    && resource_name(item.id.as_str())
                        .is_some_and(|at| at.end == item.id.as_str().len())
            })
            .map(|item| item.id.to_string())
            .collect();
        match ids.len() {
            0 => Err(RenamingError::Unknown(old.to_owned())),
            1 => Ok(Place::Resource),
            _ => {
                ids.truncate(CANDIDATES);
                Err(RenamingError::Ambiguous {
                    name: old.to_owned(),
                    ids,
                })
            }
        }
    }

    /// The new id of what has an old one, by the renamings that fit it, the longest first, each part of an id once; and the number of one
    /// of them.
    pub fn apply(renamings: &[Self], id: &ResourceId) -> Option<(usize, ResourceId)> {
        let mut fitting: Vec<(usize, &Self)> = renamings
            .iter()
            .enumerate()
            .filter(|(_, renaming)| renaming.part(id.as_str()).is_some())
            .collect();
        // Beginnings first, since names are looked for in what they leave.
        fitting.sort_by_key(|(_, renaming)| {
            (
                renaming.place != Place::Prefix,
                std::cmp::Reverse(renaming.old.len()),
            )
        });
        let number = fitting.first()?.0;
        let mut text = id.as_str().to_owned();
        let mut prefix_done = false;
        for (_, renaming) in fitting {
            if renaming.place == Place::Prefix && std::mem::replace(&mut prefix_done, true) {
                continue;
            }
            if let Some(part) = renaming.part(&text) {
                text.replace_range(part, &renaming.new);
            }
        }
        Some((number, ResourceId::parse(&text).ok()?))
    }

    /// The part of an id that it replaces.
    fn part(&self, id: &str) -> Option<std::ops::Range<usize>> {
        let part = match self.place {
            Place::Prefix => {
                let head = id.get(..self.old.len())?;
                let ends = matches!(id.as_bytes().get(self.old.len()), None | Some(b'/'));
                return (ends && head.eq_ignore_ascii_case(&self.old)).then_some(0..self.old.len());
            }
            Place::Behind(label) => value_of(id, label)?,
            Place::Resource => resource_name(id)?,
        };
        id[part.clone()]
            .eq_ignore_ascii_case(&self.old)
            .then_some(part)
    }
}

/// Where the name of the first resource behind `providers` stands: that of the network for a subnet.
fn resource_name(id: &str) -> Option<std::ops::Range<usize>> {
    let namespace = value_of(id, "providers")?;
    let kind_ends = id[namespace.end..]
        .char_indices()
        .filter(|&(_, c)| c == '/')
        .nth(1)?;
    let start = namespace.end + kind_ends.0 + 1;
    let end = id[start..].find('/').map_or(id.len(), |at| start + at);
    Some(start..end)
}

impl fmt::Display for Renaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.old, self.new)
    }
}
