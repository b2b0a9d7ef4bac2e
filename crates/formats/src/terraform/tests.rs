//! Plans with holes: something is said about them, and nothing breaks.

use proptest::prelude::*;

use super::*;
use crate::json::{self, Data, Member};
use crate::load::{LoadOptions, Loader};
use crate::source::Sources;

/// A plan of two spokes that are one module.
fn example() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/terraform/hub-and-spokes.plan.json"
    );
    let mut sources = Sources::new();
    let file = sources.read(path.as_ref(), &mut Diagnostics::new());
    json::parse(&sources, file.unwrap(), &mut Diagnostics::new()).unwrap()
}

/// Replaces the value that is met as number `at`, counted down on the way.
fn replace(value: &Value, at: &mut usize, new: &Value) -> Value {
    if *at == 0 {
        *at = usize::MAX;
        return new.clone();
    }
    *at = at.saturating_sub(usize::from(*at != usize::MAX));
    let data: Data = match &value.data {
        Data::Object(object) => object
            .iter()
            .map(|member| Member {
                value: replace(&member.value, at, new),
                ..member.clone()
            })
            .collect::<Vec<_>>()
            .into(),
        Data::Array(values) => values
            .iter()
            .map(|value| replace(value, at, new))
            .collect::<Vec<_>>()
            .into(),
        other => other.clone(),
    };
    Value::new(value.span, data)
}

proptest! {
    #[test]
    fn a_plan_with_holes_is_read_or_refused(
        cuts in prop::collection::vec((0_usize..4500, 0_usize..5), 1..6)
    ) {
        let mut plan = example();
        let odd = [
            "null", "[true, null]", "\"x\"", "{}",
            r#"{"references": ["module.spoke", "var.hub_id", "each.value", "azurerm_lb.apps", "local.x"]}"#,
        ];
        for (mut at, new) in cuts {
            let new = json::parse_text(odd[new], plan.span).unwrap();
            plan = replace(&plan, &mut at, &new);
        }
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text("plan.json", plan.to_string());
        if let Err(refused) = loader.finish() {
            prop_assert!(refused.diagnostics.has_errors());
        }
    }
}
