//! YAML, read into the same located [`Value`]s as JSON.
//!
//! Scenarios are written in it, and `az -o yaml` prints it. Aliases work, and what they may blow up to is bounded. What programs write is
//! read by `simple`; a library reads everything else.

mod simple;

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Data, MAX_DEPTH, Member, Value};
use crate::source::{FileId, Sources, Span};

/// Most values in one document: a state file of 65,536 NICs has some three million, one with 800,000 rules twelve.
const MAX_NODES: usize = 32_000_000;
/// Most values that aliases may add.
const MAX_REPLAYED: usize = 100_000;

/// Reads a file. `None`: it is not YAML, and the error is among `diagnostics`. An empty document is `null`.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Option<Value> {
    let text = sources.text(file);
    let marked = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let value = simple::parse(text, marked, file, MAX_NODES);
    value.or_else(|| parse_any(text, marked, file, diagnostics))
}

/// Reads every kind of YAML.
fn parse_any(
    text: &str,
    marked: usize,
    file: FileId,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: usize::from(MAX_DEPTH),
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_total_scalar_bytes: 1 << 30,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Node>>(&text[marked..], options) {
        Ok(root) => Some(located(root, &Places { file, marked })),
        Err(error) => {
            let span = error.location().map_or(Span::new(file, 0, 0), |location| {
                Places { file, marked }.span(location)
            });
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or("the text is not YAML");
            let (message, expected) = in_words(message);
            diagnostics.push(
                Diagnostic::error(Code::BadYaml, message)
                    .at(span)
                    .expected(expected),
            );
            None
        }
    }
}

/// What the parser says, without advice to those who call it and places that are told beside it; and what was expected.
fn in_words(message: &str) -> (String, &'static str) {
    let (message, _) = message.split_once(" at line ").unwrap_or((message, ""));
    if let Some((key, _)) = message.split_once(", set DuplicateKeyPolicy") {
        return (key.to_owned(), "each key once");
    }
    if message.starts_with("alias replay limit exceeded") {
        let message = "the aliases of the document stand for too much";
        return (message.to_owned(), "a document of bounded size");
    }
    (message.to_owned(), "a YAML document")
}

struct Places {
    file: FileId,
    marked: usize,
}

impl Places {
    fn span(&self, location: Location) -> Span {
        let span = location.span();
        let number = |value: Option<u64>| usize::try_from(value.unwrap_or(0)).unwrap_or(usize::MAX);
        Span::new(
            self.file,
            number(span.byte_offset()).saturating_add(self.marked),
            number(span.byte_len()),
        )
    }
}

enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

fn located(node: Spanned<Node>, places: &Places) -> Value {
    let span = places.span(node.referenced);
    let data = match node.value {
        Node::Null => Data::Null,
        Node::Bool(flag) => Data::Bool(flag),
        Node::Integer(number) => Data::Integer(number),
        Node::Float(number) => Data::Float(number),
        Node::Text(text) => Data::from(text),
        Node::List(nodes) => Data::from(
            nodes
                .into_iter()
                .map(|node| located(node, places))
                .collect::<Vec<_>>(),
        ),
        Node::Map(entries) => {
            let members = entries.into_iter().map(|(key, value)| Member {
                key_span: places.span(key.referenced),
                key: key.value.into(),
                value: located(value, places),
            });
            Data::from(members.collect::<Vec<_>>())
        }
    };
    Value { span, data }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Node, E> {
        i64::try_from(number)
            .map(Node::Integer)
            .map_err(|_| E::custom(format_args!("{number} is too large a number")))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        if number.is_finite() {
            Ok(Node::Float(number))
        } else {
            Err(E::custom("a number has to be finite"))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = nodes.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map: Vec<(Spanned<String>, Spanned<Node>)> = Vec::new();
        let mut keys = HashSet::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Node>>()? {
            // Names in Azure differ by more than letter case, and so do the keys of our objects.
            if !keys.insert(key.value.to_ascii_lowercase()) {
                return Err(A::Error::custom(format_args!(
                    "the key '{}' comes twice, letter case aside",
                    key.value
                )));
            }
            map.push((key, value));
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(Sources, Value), String> {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let file = sources.add("test.yaml", text, &mut diagnostics).unwrap();
        match parse(&sources, file, &mut diagnostics) {
            Some(value) => Ok((sources, value)),
            None => Err(diagnostics.display(&sources).to_string()),
        }
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let (sources, value) = read("a: 1\nvnet:\n  - {prefix: 10.0.0.0/8, on: true}\n").unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"a":1,"vnet":[{"prefix":"10.0.0.0/8","on":true}]}"#
        );
        let entry = &value.get("vnet").unwrap().as_array().unwrap()[0];
        let prefix = entry.as_object().unwrap().member("prefix").unwrap();
        assert_eq!(sources.position(prefix.value.span).to_string(), "3:14");
        assert_eq!(sources.position(prefix.key_span).to_string(), "3:6");
        assert_eq!(sources.excerpt(prefix.value.span), "10.0.0.0/8");
    }

    /// What both readers make of a text; `None` of the fast one hands it on.
    fn both(text: &str) -> (Option<Value>, Option<Value>) {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let file = sources.add("test.yaml", text, &mut diagnostics).unwrap();
        (
            simple::parse(&std::sync::Arc::new(text.to_owned()), 0, file, MAX_NODES),
            parse_any(text, 0, file, &mut diagnostics),
        )
    }

    #[track_caller]
    fn assert_same(text: &str) {
        let (fast, slow) = both(text);
        let fast = fast.unwrap_or_else(|| panic!("handed on: {text}"));
        assert_eq!(
            format!("{fast:?}"),
            format!("{:?}", slow.unwrap()),
            "{text}"
        );
    }

    #[test]
    fn what_programs_write_is_read_fast_and_as_the_library_reads_it() {
        for text in [
            "a: b",
            "a: 1\nb:\n  c: x y\n  d:\n  - 10.0.0.0/8\n  - e: 10.0.0.4\n    f: true\n  - g:\n      h: '1'\ni: \"*\"\n",
            "# first\n\n- a: 1\n\n  b: 2\n# between\n- c\n",
            "a:\n- b:\n  - c\n- d\n",
            "00000000-0000-0000-0000-00000000000a: 80-90\n/subscriptions/s: tcp/443\n",
            "a:\n    b:\n          - c\n          - d: e\n",
            "\"a: b\": 'c # d'\n",
            "a: VirtualAppliance 10.0.0.4",
        ] {
            assert_same(text);
        }
    }

    #[test]
    fn what_is_of_another_kind_is_handed_on() {
        for text in [
            "",
            "a",
            "- a: [1]",
            "a: {}",
            "a: &b c",
            "a: *b",
            "a: !t c",
            "a: |\n  b",
            "a: >-\n  b",
            "a: b\n  c",
            "a: yes",
            "a: 010",
            "a: 1.5",
            "a: 1e3",
            "a: 0x1F",
            "a: ~",
            "a:",
            "a: b # c",
            "a: \"b\\n\"",
            "a: 'b''c'",
            "a: 1\nA: 2",
            "a: b: c",
            "a:\n\t- b",
            "--- \na: b",
            "a: b\r\nc: d",
            "? a\n: b",
            "a: b\n c: d",
            "-  a: b",
            "- - a",
            "a: ü",
            "  a: b\nc: d",
            "true: 1",
            "1: 2",
            "a: b ",
        ] {
            let (fast, _) = both(text);
            assert!(fast.is_none(), "{text:?}: {fast:?}");
        }
    }

    fn scalars() -> impl Strategy<Value = serde_json::Value> {
        let texts = "[a-c]{1,3}|10\\.0\\.0\\.[0-9]|/x/[a-b]|[0-9]{1,3}-[0-9]{1,3}|[a-c] [a-c]|[ -~]{0,4}|no|null|1e3|0x1|~|tcp/80|-[a1]";
        prop_oneof![
            texts.prop_map(serde_json::Value::from),
            any::<i32>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
        ]
    }

    fn documents() -> impl Strategy<Value = serde_json::Value> {
        scalars().prop_recursive(4, 24, 5, |inner| {
            let key = "[a-d]{1,2}|[a-b] [a-b]|/[a-b]/c|[0-9]{1,2}|[ -~]{1,3}";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                proptest::collection::btree_map(key, inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// A document as the serializer writes it, in one of two styles, with a piece put in somewhere.
    fn texts() -> impl Strategy<Value = String> {
        let piece = "|||[ab1]|: |:|\n|\n  |\n    |- |-|\\.|/|\"|'| |#| # c\n|[-+eE_~]|\\[\\]|>|\t|&a |\\*a|!";
        (
            documents(),
            any::<bool>(),
            piece,
            any::<proptest::sample::Index>(),
        )
            .prop_map(|(document, compact, piece, place)| {
                let options = serde_saphyr::ser_options! { compact_list_indent: compact };
                let mut text = serde_saphyr::to_string_with_options(&document, options).unwrap();
                let places: Vec<usize> = text
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([text.len()])
                    .collect();
                text.insert_str(places[place.index(places.len())], &piece);
                text
            })
    }

    proptest! {
        #[test]
        fn no_text_is_read_otherwise_than_by_the_library(text in texts()) {
            if let (Some(fast), slow) = both(&text) {
                let slow = slow.map(|slow| format!("{slow:?}"));
                prop_assert_eq!(Some(format!("{fast:?}")), slow, "{}", text);
            }
        }
    }

    #[test]
    fn words_that_are_booleans_elsewhere_and_addresses_stay_texts() {
        let (_, value) = read("[yes, on, no, 10.0.0.4, 65010-65020, ~, 1.5, tcp/443]").unwrap();
        assert_eq!(
            value.to_string(),
            r#"["yes","on","no","10.0.0.4","65010-65020",null,1.5,"tcp/443"]"#
        );
    }

    #[test]
    fn a_byte_order_mark_shifts_nothing() {
        let (sources, value) = read("\u{feff}a: b").unwrap();
        assert_eq!(sources.excerpt(value.get("a").unwrap().span), "b");
    }

    #[test]
    fn bombs_and_broken_texts_are_one_located_error() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let alias = format!("*a{}", level - 1);
            writeln!(bomb, "a{level}: &a{level} [{}]", vec![alias; 10].join(", ")).unwrap();
        }
        for text in [
            &bomb,
            "a: [1, 2",
            "a: 1\nA: 2",
            "a: \"x",
            &"[".repeat(100_000),
            "a: b: c",
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.starts_with("test.yaml:") && error.contains("error[bad-yaml]"),
                "{error}"
            );
        }
    }
}
