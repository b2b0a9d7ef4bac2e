//! JSON as people write it for Azure, with the place of every key and value.
//!
//! Real template files hold byte order marks, `//` and `/* */` comments, trailing commas and line breaks inside
//! strings, because Azure's own reader takes them. [`parse`] takes them too, and answers anything else with one
//! located error.
//!
//! Why a reader of our own: `serde_json`, and what stands on it, keeps no places and takes none of the liberties;
//! `jsonc-parser` keeps ranges, but its tree borrows from the text, which the values of an evaluated template cannot do,
//! and copying it over would be as long as the three hundred lines of reading it ourselves.
//!
//! A [`Value`] is cheap to clone: strings, arrays and objects are shared, since evaluating a template hands the same
//! parameter to hundreds of resources. Arrays and objects know their [`Size`], so that a template cannot build a
//! value that takes ages to walk without anyone noticing.

mod parser;
mod piece;

use std::{fmt, ops::Deref, sync::Arc};

pub(crate) use parser::{Parsed, read};
pub use parser::{SyntaxError, parse, parse_text};
pub use piece::Piece;

use crate::source::Span;

/// Deepest nesting of arrays and objects that is read. Newtonsoft's reader, which Azure uses, stops at 64 unless told
/// otherwise; templates that nest deployments by hand come to about 40.
pub const MAX_DEPTH: u16 = 128;

/// A JSON value and where it was written, or where the expression stands that computed it.
#[derive(Clone, Debug)]
pub struct Value {
    /// Where it comes from.
    pub span: Span,
    /// What it is.
    pub data: Data,
}

/// The kinds of values. Equality is that of JSON: the order of keys and the place do not count, their letter case
/// does; `1` and `1.0` are equal.
#[derive(Clone, Debug)]
pub enum Data {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent, in the 64 bits that Azure gives to it.
    Integer(i64),
    /// Any other number; always finite.
    Float(f64),
    /// A string, its escapes resolved.
    String(Piece),
    /// An array.
    Array(Array),
    /// An object.
    Object(Object),
    /// A value that this input does not hold, such as a key that only Azure knows.
    Unknown(Unknown),
}

/// Why a value is not known, as the end of the sentence "the value is not known: ...".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(Arc<Reason>);

#[derive(Debug, PartialEq, Eq)]
struct Reason {
    text: Box<str>,
    reported: bool,
}

impl Unknown {
    /// A reason in words. It is reported by whoever needs the value.
    pub fn new(reason: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Reason {
            text: reason.into(),
            reported: false,
        }))
    }

    /// The reason was an error, which is among the diagnostics already: whoever needs the value has nothing to add.
    pub fn reported(reason: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Reason {
            text: reason.into(),
            reported: true,
        }))
    }

    /// The reason in words.
    pub fn reason(&self) -> &str {
        &self.0.text
    }

    /// Whether the reason is among the diagnostics already.
    pub fn is_reported(&self) -> bool {
        self.0.reported
    }
}

/// How large a value is: bounds what it costs to walk it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Values in it, itself included, long strings counted by their 64 bytes; at most `u32::MAX`, which means "or more".
    pub nodes: u32,
    /// Levels of arrays and objects; 0 for all others.
    pub depth: u16,
}

impl Size {
    fn of<'a>(children: impl Iterator<Item = &'a Value>) -> Self {
        let start = Self { nodes: 1, depth: 0 };
        let sum = children.map(Value::size).fold(start, |sum, child| Self {
            nodes: sum.nodes.saturating_add(child.nodes),
            depth: sum.depth.max(child.depth),
        });
        Self {
            nodes: sum.nodes,
            depth: sum.depth.saturating_add(1),
        }
    }
}

/// The values of an array.
#[derive(Clone, Debug)]
pub struct Array(Arc<(Vec<Value>, Size)>);

impl Array {
    /// An array of these values.
    pub fn new(values: Vec<Value>) -> Self {
        let size = Size::of(values.iter());
        Self(Arc::new((values, size)))
    }
}

impl Deref for Array {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0.0
    }
}

/// One entry of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The key as it was written.
    pub key: Piece,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub value: Value,
}

/// The entries of an object, in the order of the file. Keys are found in any letter case, as Azure finds them.
#[derive(Clone, Debug)]
pub struct Object(Arc<Entries>);

#[derive(Debug)]
struct Entries {
    members: Vec<Member>,
    size: Size,
    open: bool,
}

impl Object {
    /// An object of these entries. The caller sees to it that no key comes twice.
    pub fn new(members: Vec<Member>) -> Self {
        let size = Size::of(members.iter().map(|member| &member.value));
        Self(Arc::new(Entries {
            members,
            size,
            open: false,
        }))
    }

    /// This object, known to have more entries than the input holds: those that Azure adds to a resource when it
    /// exists. A key that is missing here is an unknown value, not an absent one.
    #[must_use]
    pub fn opened(self) -> Self {
        Self(Arc::new(Entries {
            members: self.to_vec(),
            size: self.0.size,
            open: true,
        }))
    }

    /// Whether the object has more entries than the input holds.
    pub fn is_open(&self) -> bool {
        self.0.open
    }

    /// The value of a key, in any letter case.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.member(key).map(|member| &member.value)
    }

    /// The entry of a key, in any letter case.
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.iter()
            .find(|member| member.key.eq_ignore_ascii_case(key))
    }

    /// This object with one entry set: replaced where the key is there in any letter case, added at the end if not.
    #[must_use]
    pub fn with(&self, key: &str, value: Value) -> Self {
        let mut members = self.to_vec();
        match members
            .iter_mut()
            .find(|member| member.key.eq_ignore_ascii_case(key))
        {
            Some(member) => member.value = value,
            None => members.push(Member {
                key: key.into(),
                key_span: value.span,
                value,
            }),
        }
        let object = Self::new(members);
        if self.is_open() {
            object.opened()
        } else {
            object
        }
    }
}

impl Deref for Object {
    type Target = [Member];

    fn deref(&self) -> &[Member] {
        &self.0.members
    }
}

impl Value {
    /// A value and where it comes from.
    pub fn new(span: Span, data: impl Into<Data>) -> Self {
        Self {
            span,
            data: data.into(),
        }
    }

    /// `null`.
    pub fn null(span: Span) -> Self {
        Self {
            span,
            data: Data::Null,
        }
    }

    /// A value that is not known.
    pub fn unknown(span: Span, reason: impl Into<Box<str>>) -> Self {
        Self {
            span,
            data: Data::Unknown(Unknown::new(reason)),
        }
    }

    /// The value of a key of an object, in any letter case; `None` for whatever is no object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Follows keys through objects: `value.path(["properties", "dhcpOptions", "dnsServers"])`.
    pub fn path<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Option<&Value> {
        keys.into_iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean; the string `"true"` is none.
    pub fn as_bool(&self) -> Option<bool> {
        match self.data {
            Data::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// An integer; the string `"1"` is none.
    pub fn as_i64(&self) -> Option<i64> {
        match self.data {
            Data::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The values of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match &self.data {
            Data::Array(values) => Some(values),
            _ => None,
        }
    }

    /// An object.
    pub fn as_object(&self) -> Option<&Object> {
        match &self.data {
            Data::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Why the value is not known.
    pub fn as_unknown(&self) -> Option<&Unknown> {
        match &self.data {
            Data::Unknown(unknown) => Some(unknown),
            _ => None,
        }
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// What it is, for a message: `an array`, `a string`.
    pub fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Integer(_) => "an integer",
            Data::Float(_) => "a number",
            Data::String(_) => "a string",
            Data::Array(_) => "an array",
            Data::Object(_) => "an object",
            Data::Unknown(_) => "an unknown value",
        }
    }

    /// How large the value is; costs nothing.
    pub fn size(&self) -> Size {
        match &self.data {
            Data::Array(array) => array.0.1,
            Data::Object(object) => object.0.size,
            Data::String(text) => Size {
                nodes: u32::try_from(text.len() / 64)
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
                depth: 0,
            },
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::Unknown(_) => {
                Size { nodes: 1, depth: 0 }
            }
        }
    }

    /// The first unknown value in it, found depth first.
    pub fn find_unknown(&self) -> Option<&Value> {
        match &self.data {
            Data::Unknown(_) => Some(self),
            Data::Array(values) => values.iter().find_map(Value::find_unknown),
            Data::Object(object) => object.iter().find_map(|member| member.value.find_unknown()),
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) => {
                None
            }
        }
    }
}

/// Values are equal when they say the same, wherever they stand.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl PartialEq for Data {
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers that differ only beyond 2^53 may count as equal"
    )]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Integer(a), Self::Float(b)) | (Self::Float(b), Self::Integer(a)) => {
                *a as f64 == *b
            }
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.data == b.data)
            }
            (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|(left, right)| {
                        // Mostly the keys come in the same order, and then no search is needed.
                        let right = if left.key == right.key {
                            Some(right)
                        } else {
                            b.iter().find(|m| m.key == left.key)
                        };
                        right.is_some_and(|right| left.value.data == right.value.data)
                    })
            }
            (Self::Unknown(a), Self::Unknown(b)) => a == b,
            _ => false,
        }
    }
}

impl From<bool> for Data {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Data {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Piece> for Data {
    fn from(text: Piece) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Value>> for Data {
    fn from(values: Vec<Value>) -> Self {
        Self::Array(Array::new(values))
    }
}

impl From<Vec<Member>> for Data {
    fn from(members: Vec<Member>) -> Self {
        Self::Object(Object::new(members))
    }
}

impl From<Unknown> for Data {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl From<Object> for Data {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

/// JSON without blanks. An unknown value, which JSON cannot say, shows as `<unknown: reason>`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::String(text) => write_string(f, text),
            Self::Array(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    value.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, member) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, &member.key)?;
                    f.write_str(":")?;
                    member.value.fmt(f)?;
                }
                f.write_str("}")
            }
            Self::Unknown(unknown) => write!(f, "<unknown: {}>", unknown.reason()),
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for piece in text.split_inclusive(|c: char| c < ' ' || c == '"' || c == '\\') {
        let last = piece.chars().next_back().unwrap_or(' ');
        if last >= ' ' && last != '"' && last != '\\' {
            f.write_str(piece)?;
            continue;
        }
        f.write_str(&piece[..piece.len() - 1])?;
        match last {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => write!(f, "\\u{:04x}", u32::from(other))?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::Diagnostics, source::Sources};

    fn value(text: &str) -> Value {
        let mut sources = Sources::new();
        let file = sources
            .add("test.json", text, &mut Diagnostics::new())
            .unwrap();
        parse(&sources, file, &mut Diagnostics::new()).unwrap()
    }

    #[test]
    fn values_are_small_and_their_size_is_known() {
        assert!(size_of::<Value>() <= 32);
        let tree = value(r#"{"a": [1, [2, {}]], "b": "text"}"#);
        assert_eq!(tree.size(), Size { nodes: 7, depth: 4 });
        assert_eq!(value(&format!("\"{}\"", "x".repeat(640))).size().nodes, 11);
    }

    #[test]
    fn keys_are_found_in_any_letter_case() {
        let vnet =
            value(r#"{"Properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}}"#);
        let prefixes = vnet
            .path(["properties", "AddressSpace", "addressprefixes"])
            .unwrap();
        assert_eq!(prefixes.as_array().unwrap()[0].as_str(), Some("10.0.0.0/8"));
        assert!(vnet.path(["properties", "subnets"]).is_none());
    }

    #[test]
    fn equality_ignores_the_order_of_keys_and_the_place() {
        assert_eq!(
            value(r#"{"a": 1, "b": [true, null]}"#).data,
            value("{\"b\":\n[true,null],\"a\":1.0}").data
        );
        assert_ne!(value(r#"{"a": 1}"#).data, value(r#"{"A": 1}"#).data);
        assert_ne!(value(r#"["x"]"#).data, value(r#"["X"]"#).data);
    }

    #[test]
    fn printing_and_reading_gives_the_same_value() {
        let text = r#"{"a":[1,-2,1.5,true,null,"q\"\\\n\t\u0001ü"],"b":{}}"#;
        assert_eq!(value(text).to_string(), text);
        let mut unknown = value("[1]");
        unknown.data = Data::from(vec![Value::unknown(
            unknown.span,
            "listKeys() is known only to Azure",
        )]);
        assert_eq!(
            unknown.to_string(),
            "[<unknown: listKeys() is known only to Azure>]"
        );
        assert!(unknown.find_unknown().is_some());
    }

    #[test]
    fn an_open_object_stays_open_and_says_so() {
        let object = value(r#"{"a": 1}"#).as_object().unwrap().clone();
        assert!(!object.is_open());
        let opened = object.opened();
        assert!(opened.is_open() && opened.with("b", opened.get("a").unwrap().clone()).is_open());
        assert!(Unknown::reported("x").is_reported() && !Unknown::new("x").is_reported());
    }

    #[test]
    fn setting_a_key_replaces_it_in_any_letter_case() {
        let object = value(r#"{"Name": 1, "b": 2}"#);
        let (span, object) = (object.span, object.as_object().unwrap().clone());
        let object = object
            .with("name", Value::new(span, 3))
            .with("c", Value::new(span, true));
        assert_eq!(
            Data::from(object).to_string(),
            r#"{"Name":3,"b":2,"c":true}"#
        );
    }
}
