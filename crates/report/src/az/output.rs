//! `--output table` and `--output tsv`: any document as lines, by the rules of Azure's command line.

use serde_json::{Map, Value};

use crate::table::Table;

/// Keys that a table leaves out unless the command has a table of its own.
const NOT_IN_TABLES: [&str; 4] = ["id", "type", "etag", "revision"];

/// The order of the keys of objects that a query has made. Objects with other keys are in the order of the alphabet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyOrders(pub Vec<Vec<String>>);

impl KeyOrders {
    /// The entries of an object in order.
    fn entries<'a>(&self, object: &'a Map<String, Value>) -> Vec<(&'a str, &'a Value)> {
        let made_by_query = self.0.iter().find(|keys| {
            keys.len() == object.len() && keys.iter().all(|key| object.contains_key(key))
        });
        match made_by_query {
            Some(keys) => keys
                .iter()
                .filter_map(|key| object.get_key_value(key))
                .map(|(key, value)| (key.as_str(), value))
                .collect(),
            None => object
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect(),
        }
    }
}

/// A document as a table: a row for each element of a list, a column for each key with a plain value.
///
/// Keys whose values are `null`, lists or objects are left out, as are `id`, `type` and `etag`; headings begin with a capital.
pub fn table(document: &Value, orders: &KeyOrders) -> Table {
    let items = match document {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let rows: Vec<Vec<(String, String)>> = items.iter().map(|item| row(item, orders)).collect();
    let mut headings: Vec<String> = Vec::new();
    for (heading, _) in rows.iter().flatten() {
        if !headings.contains(heading) {
            headings.push(heading.clone());
        }
    }
    let mut table = Table::new(headings.clone());
    for row in rows {
        let cell_under = |heading: &String| {
            let cell = row.iter().find(|(key, _)| key == heading);
            cell.map_or_else(String::new, |(_, text)| text.clone())
        };
        table.push(headings.iter().map(cell_under));
    }
    table
}

fn row(item: &Value, orders: &KeyOrders) -> Vec<(String, String)> {
    match item {
        Value::Object(object) => orders
            .entries(object)
            .into_iter()
            .filter(|(key, value)| {
                !NOT_IN_TABLES.contains(key)
                    && !matches!(value, Value::Null | Value::Array(_) | Value::Object(_))
            })
            .map(|(key, value)| (capitalised(key), plain(value)))
            .collect(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(column, value)| (format!("Column{}", column + 1), plain(value)))
            .collect(),
        other => vec![("Result".to_owned(), plain(other))],
    }
}

fn capitalised(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A value in a cell. Truth values have a capital, as in Python.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A document as lines of values between tabs: no headings, no quotes. Of a list inside a row only the length is shown, of an
/// object nothing.
pub fn tsv(document: &Value, orders: &KeyOrders) -> String {
    let items = match document {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut text = String::new();
    for item in items {
        let cells: Vec<String> = match item {
            Value::Array(values) => values.iter().map(tsv_cell).collect(),
            Value::Object(object) => orders
                .entries(object)
                .into_iter()
                .map(|(_, value)| tsv_cell(value))
                .collect(),
            Value::Bool(truth) => vec![truth.to_string()],
            other => vec![tsv_cell(other)],
        };
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    text
}

fn tsv_cell(value: &Value) -> String {
    match value {
        Value::Array(values) => values.len().to_string(),
        Value::Object(_) => String::new(),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_shows_plain_values_under_capitalised_keys() {
        let document = json!([
            {"name": "a", "id": "/x", "type": "T", "etag": "W/", "tags": null, "subnets": [], "enabled": true},
            {"name": "b", "id": "/y", "count": 3},
        ]);
        assert_eq!(
            table(&document, &KeyOrders::default()).to_string(),
            "Enabled    Name    Count\n\
             ---------  ------  -------\n\
             True       a\n\
             \x20          b       3\n"
        );
    }

    #[test]
    fn a_projection_keeps_the_order_of_the_query() {
        let document = json!([{"Name": "a", "Allow": false}]);
        let orders = KeyOrders(vec![vec!["Name".to_owned(), "Allow".to_owned()]]);
        assert_eq!(
            table(&document, &orders).to_string(),
            "Name    Allow\n------  -------\na       False\n"
        );
        assert_eq!(tsv(&document, &orders), "a\tFalse\n");
    }

    #[test]
    fn lists_of_lists_and_single_values_have_headings_too() {
        let orders = KeyOrders::default();
        assert_eq!(
            table(&json!([["a", 1]]), &orders).to_string(),
            "Column1    Column2\n---------  ---------\na          1\n"
        );
        assert_eq!(
            table(&json!("a"), &orders).to_string(),
            "Result\n--------\na\n"
        );
    }

    #[test]
    fn tsv_counts_lists_and_hides_objects() {
        let document = json!([["a", [1, 2], {"b": 1}, null]]);
        assert_eq!(tsv(&document, &KeyOrders::default()), "a\t2\t\tNone\n");
        assert_eq!(tsv(&json!(true), &KeyOrders::default()), "true\n");
    }
}
