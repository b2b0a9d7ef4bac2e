//! Where a resource lives and what its id is.

use std::fmt::Write;

/// The scope into which a template is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) level: Level,
    pub(super) subscription: String,
    pub(super) resource_group: String,
    pub(super) management_group: String,
}

/// Which part of a [`Placement`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    ResourceGroup,
    Subscription,
    ManagementGroup,
    Tenant,
}

impl Placement {
    /// The id of the scope, which every resource id in it begins with; empty for the tenant.
    pub(super) fn id(&self) -> String {
        match self.level {
            Level::ResourceGroup => format!(
                "/subscriptions/{}/resourceGroups/{}",
                self.subscription, self.resource_group
            ),
            Level::Subscription => format!("/subscriptions/{}", self.subscription),
            Level::ManagementGroup => format!(
                "/providers/Microsoft.Management/managementGroups/{}",
                self.management_group
            ),
            Level::Tenant => String::new(),
        }
    }

    /// The scope that a full id names: the longest of the four levels.
    pub(super) fn of_id(&self, id: &str) -> Self {
        let segments: Vec<&str> = id
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let mut placement = self.clone();
        match *segments {
            [subscriptions, subscription, groups, group, ..]
                if is(subscriptions, "subscriptions") && is(groups, "resourceGroups") =>
            {
                placement.level = Level::ResourceGroup;
                subscription.clone_into(&mut placement.subscription);
                group.clone_into(&mut placement.resource_group);
            }
            [subscriptions, subscription, ..] if is(subscriptions, "subscriptions") => {
                placement.level = Level::Subscription;
                subscription.clone_into(&mut placement.subscription);
            }
            [.., provider, groups, group]
                if is(provider, "Microsoft.Management") && is(groups, "managementGroups") =>
            {
                placement.level = Level::ManagementGroup;
                group.clone_into(&mut placement.management_group);
            }
            _ => placement.level = Level::Tenant,
        }
        placement
    }
}

fn is(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// The id of a resource below `scope`: `Microsoft.Network/virtualNetworks/subnets` with the names `hub` and `vms` is
/// `.../providers/Microsoft.Network/virtualNetworks/hub/subnets/vms`.
///
/// # Errors
///
/// A sentence, if type and names do not have the same number of segments.
pub(super) fn resource_id(
    scope: &str,
    resource_type: &str,
    names: &[&str],
) -> Result<String, String> {
    let mut types = resource_type
        .split('/')
        .filter(|segment| !segment.is_empty());
    let provider = types.next().unwrap_or_default();
    let types: Vec<&str> = types.collect();
    if types.is_empty() || types.len() != names.len() {
        return Err(format!(
            "the type {resource_type} asks for {} names, but there {} {}",
            types.len(),
            if names.len() == 1 { "is" } else { "are" },
            names.len()
        ));
    }
    // A resource group is no resource of a provider in its own id.
    if is(resource_type, "Microsoft.Resources/resourceGroups") {
        return Ok(format!("{scope}/resourceGroups/{}", names[0]));
    }
    let mut id = format!("{scope}/providers/{provider}");
    for (segment, name) in types.iter().zip(names) {
        let _ = write!(id, "/{segment}/{name}");
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement() -> Placement {
        Placement {
            level: Level::ResourceGroup,
            subscription: "sub1".into(),
            resource_group: "rg1".into(),
            management_group: String::new(),
        }
    }

    #[test]
    fn type_and_names_interleave() {
        let scope = placement().id();
        let id = resource_id(
            &scope,
            "Microsoft.Network/virtualNetworks/subnets",
            &["hub", "vms"],
        )
        .unwrap();
        assert_eq!(
            id,
            "/subscriptions/sub1/resourceGroups/rg1/providers/Microsoft.Network/virtualNetworks/hub/subnets/vms"
        );
        let lock = resource_id(
            "",
            "Microsoft.Network/virtualNetworks/providers/locks",
            &["hub", "Microsoft.Authorization", "l"],
        );
        assert_eq!(
            lock.unwrap(),
            "/providers/Microsoft.Network/virtualNetworks/hub/providers/Microsoft.Authorization/locks/l"
        );
        let group = resource_id(
            "/subscriptions/s",
            "Microsoft.Resources/resourceGroups",
            &["rg2"],
        )
        .unwrap();
        assert_eq!(group, "/subscriptions/s/resourceGroups/rg2");
    }

    #[test]
    fn a_missing_name_is_told_in_a_sentence() {
        let error =
            resource_id("", "Microsoft.Network/virtualNetworks/subnets", &["hub"]).unwrap_err();
        assert_eq!(
            error,
            "the type Microsoft.Network/virtualNetworks/subnets asks for 2 names, but there is 1"
        );
        assert!(resource_id("", "Microsoft.Network", &[]).is_err());
    }

    #[test]
    fn an_id_names_its_scope() {
        let base = placement();
        let elsewhere = base.of_id("/subscriptions/s2/resourcegroups/rg2/providers/x/y/z");
        assert_eq!(
            (elsewhere.level, elsewhere.id().as_str()),
            (Level::ResourceGroup, "/subscriptions/s2/resourceGroups/rg2")
        );
        assert_eq!(base.of_id("/subscriptions/s2").id(), "/subscriptions/s2");
        assert_eq!(
            base.of_id("Microsoft.Management/managementGroups/mg").id(),
            "/providers/Microsoft.Management/managementGroups/mg"
        );
        assert_eq!(base.of_id("/").level, Level::Tenant);
    }
}
