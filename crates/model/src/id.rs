//! Azure resource ids: `/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V[/subnets/T]`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A full resource id. Keeps the spelling it was written in, compares without regard to letter case, as Azure does (A, common envelope).
#[derive(Clone)]
pub struct ResourceId(Arc<str>);

/// Why a text is not a resource id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a resource id: {expected}")]
pub struct ResourceIdError {
    text: String,
    expected: &'static str,
}

impl ResourceId {
    /// Reads a full id. A trailing slash is dropped.
    pub fn parse(text: &str) -> Result<Self, ResourceIdError> {
        let fail = |expected| {
            Err(ResourceIdError {
                text: text.to_owned(),
                expected,
            })
        };
        let trimmed = text.trim_end_matches('/');
        let Some(rest) = trimmed.strip_prefix('/') else {
            return fail("it has to begin with /subscriptions/ or another scope");
        };
        let mut segments = rest.split('/');
        if rest.split('/').any(str::is_empty) {
            return fail("it has an empty segment");
        }
        let after_provider = segments
            .by_ref()
            .find(|segment| segment.eq_ignore_ascii_case("providers"));
        if after_provider.is_none() {
            return fail("it has to contain /providers/NAMESPACE/TYPE/NAME");
        }
        let remaining = segments.count();
        if remaining < 3 || remaining % 2 == 0 {
            return fail("after /providers/NAMESPACE/ it has to hold TYPE/NAME pairs");
        }
        Ok(Self(Arc::from(trimmed)))
    }

    /// The id of a resource in a resource group. `kind` is the full type, e.g. `Microsoft.Network/virtualNetworks/subnets`, and
    /// `name` holds one segment for each segment of the type, e.g. `hub/apps`.
    pub fn in_group(subscription: &str, resource_group: &str, kind: &str, name: &str) -> Self {
        let mut text =
            format!("/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/");
        let (namespace, types) = kind.split_once('/').unwrap_or((kind, ""));
        text.push_str(namespace);
        for (kind, name) in types.split('/').zip(name.split('/')) {
            text.push('/');
            text.push_str(kind);
            text.push('/');
            text.push_str(name);
        }
        Self(Arc::from(text))
    }

    /// The id of a child resource: this id with `/kind/name` appended.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        Self(Arc::from(format!("{}/{kind}/{name}", self.0)))
    }

    /// The id without its last type and name; `None` for a top-level resource.
    pub fn parent(&self) -> Option<Self> {
        let (head, _) = self.0.rsplit_once('/')?;
        let (head, _) = head.rsplit_once('/')?;
        Self::parse(head).ok()
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: the resource's own name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// The resource group, if the id lies in one.
    pub fn resource_group(&self) -> Option<&str> {
        self.segment_after("resourceGroups")
    }

    /// The subscription, if the id lies in one.
    pub fn subscription(&self) -> Option<&str> {
        self.segment_after("subscriptions")
    }

    /// The full type, e.g. `Microsoft.Network/virtualNetworks/subnets`, in the spelling of the id.
    pub fn kind(&self) -> String {
        let mut segments = self
            .0
            .split('/')
            .skip_while(|segment| !segment.eq_ignore_ascii_case("providers"))
            .skip(1);
        let mut kind = segments.next().unwrap_or("").to_owned();
        for segment in segments.step_by(2) {
            kind.push('/');
            kind.push_str(segment);
        }
        kind
    }

    fn segment_after(&self, label: &str) -> Option<&str> {
        let mut segments = self.0.split('/');
        segments
            .by_ref()
            .find(|segment| segment.eq_ignore_ascii_case(label))?;
        segments.next()
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceId {}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In blocks, since a hasher pays per call.
        let mut block = [0_u8; 64];
        for chunk in self.0.as_bytes().chunks(block.len()) {
            let folded = &mut block[..chunk.len()];
            folded.copy_from_slice(chunk);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VNET: &str =
        "/subscriptions/sub1/resourceGroups/rg1/providers/Microsoft.Network/virtualNetworks/hub";

    #[test]
    fn ids_that_differ_in_letter_case_are_equal_and_keep_their_spelling() {
        let lower = ResourceId::parse(&VNET.to_lowercase()).unwrap();
        let written = ResourceId::parse(VNET).unwrap();
        assert_eq!(lower, written);
        assert_eq!(written.as_str(), VNET);
        let set: std::collections::HashSet<_> = [lower, written].into();
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn parts_of_a_child_id_are_found() {
        let subnet = ResourceId::parse(VNET).unwrap().child("subnets", "apps");
        assert_eq!(subnet.name(), "apps");
        assert_eq!(subnet.resource_group(), Some("rg1"));
        assert_eq!(subnet.subscription(), Some("sub1"));
        assert_eq!(subnet.kind(), "Microsoft.Network/virtualNetworks/subnets");
        assert_eq!(subnet.parent().unwrap(), ResourceId::parse(VNET).unwrap());
        assert_eq!(
            subnet,
            ResourceId::in_group(
                "sub1",
                "rg1",
                "Microsoft.Network/virtualNetworks/subnets",
                "hub/apps"
            )
        );
    }

    #[test]
    fn texts_that_are_not_ids_are_refused() {
        for text in [
            "",
            "hub",
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks",
            "/a//b",
        ] {
            assert!(ResourceId::parse(text).is_err(), "{text}");
        }
    }
}
