//! `--query`: JMESPath, with the keys of a projection in the order in which they were written.
//!
//! The library keeps objects sorted by key, but Azure's command line prints the columns of `[].{B:b, A:a}` as they stand in the
//! query. The orders are read off the parsed expression and travel beside the result.

use jmespath::ast::Ast;
use report::az::output::KeyOrders;
use serde_json::Value;

use crate::failure::Failure;

/// What a query makes of a document.
pub(crate) fn apply(query: &str, document: &Value) -> Result<(Value, KeyOrders), Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::Usage(format!(
            "argument --query: invalid jmespath_type value: '{query}'\n{error}"
        ))
    };
    let ast = jmespath::parse(query).map_err(|error| wrong(&error))?;
    let mut orders = Vec::new();
    collect(&ast, &mut orders);
    let expression = jmespath::compile(query).map_err(|error| wrong(&error))?;
    let found = expression.search(document).map_err(|error| wrong(&error))?;
    let found = serde_json::to_value(&*found).map_err(|error| wrong(&error))?;
    Ok((found, KeyOrders(orders)))
}

/// The keys of every object that the expression makes, outer ones first.
fn collect(ast: &Ast, orders: &mut Vec<Vec<String>>) {
    match ast {
        Ast::MultiHash { elements, .. } => {
            orders.push(elements.iter().map(|element| element.key.clone()).collect());
            for element in elements {
                collect(&element.value, orders);
            }
        }
        Ast::MultiList { elements, .. } => {
            for element in elements {
                collect(element, orders);
            }
        }
        Ast::Function { args, .. } => {
            for argument in args {
                collect(argument, orders);
            }
        }
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => {
            collect(lhs, orders);
            collect(rhs, orders);
        }
        Ast::Condition {
            predicate, then, ..
        } => {
            collect(predicate, orders);
            collect(then, orders);
        }
        Ast::Flatten { node, .. } | Ast::Not { node, .. } | Ast::ObjectValues { node, .. } => {
            collect(node, orders);
        }
        Ast::Expref { ast, .. } => collect(ast, orders),
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Slice { .. }
        | Ast::Literal { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_columns_of_a_projection_stay_in_the_order_of_the_query() {
        let document = json!([{"name": "a", "peeringState": "Connected"}]);
        let (found, orders) = apply("[].{State:peeringState, Name:name}", &document).unwrap();
        assert_eq!(found, json!([{"State": "Connected", "Name": "a"}]));
        let table = report::az::output::table(&found, &orders).to_string();
        assert!(table.starts_with("State      Name\n"), "{table}");
    }

    #[test]
    fn numbers_and_truth_values_survive() {
        let document = json!({"priority": 100, "enabled": true, "nothing": null});
        let (found, _) = apply("@", &document).unwrap();
        assert_eq!(found, document);
    }

    #[test]
    fn a_broken_query_is_told_with_its_place() {
        let error = apply("[].{a:", &json!([])).unwrap_err().to_string();
        assert!(
            error.contains("invalid jmespath_type value: '[].{a:'"),
            "{error}"
        );
    }
}
