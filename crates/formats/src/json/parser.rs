//! From text to [`Value`]s.

use std::{collections::HashMap, sync::Arc};

use super::{Data, MAX_DEPTH, Member, Piece, Value};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::{FileId, Sources, Span},
};

/// Reads a file. `None`: it is not JSON, and the error is among `diagnostics`.
///
/// A key that comes twice in an object, in whatever letter case, has its last value, as in Azure's reader; a note says so.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Option<Value> {
    read(sources.text(file), file).report(sources, diagnostics)
}

/// Reads the text of a file. Nothing is told yet.
pub(crate) fn read(text: &Arc<String>, file: FileId) -> Parsed {
    let mut parser = Parser::new(text, Place::File(file));
    let result = parser.document();
    Parsed {
        file,
        result,
        duplicates: parser.duplicates,
    }
}

/// What came of a text.
#[derive(Debug)]
pub(crate) struct Parsed {
    file: FileId,
    result: Checked<Value>,
    /// Keys that came a second time in their objects.
    duplicates: Vec<Span>,
}

impl Parsed {
    /// The value. What there is to say about the text goes to `diagnostics`.
    pub(crate) fn report(self, sources: &Sources, diagnostics: &mut Diagnostics) -> Option<Value> {
        for key in self.duplicates {
            let message = format!(
                "the key {} comes twice in this object; the last value counts",
                sources.excerpt(key)
            );
            diagnostics.push(Diagnostic::note(Code::DuplicateKey, message).at(key));
        }
        match self.result {
            Ok(value) => Some(value),
            Err(error) => {
                let span = Span::new(self.file, error.at, 1);
                diagnostics.push(
                    Diagnostic::error(error.code, error.message)
                        .at(span)
                        .expected(error.expected),
                );
                None
            }
        }
    }
}

/// Reads a text that stands in no file of its own, such as the argument of the template function `json()`. Every value
/// gets the place `span`.
pub fn parse_text(text: &str, span: Span) -> Result<Value, SyntaxError> {
    Parser::new(&Arc::new(text.to_owned()), Place::Fixed(span)).document()
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte offset in the text.
    pub at: usize,
    /// [`Code::BadJson`] or [`Code::TooDeep`].
    pub code: Code,
    /// What was found.
    pub message: String,
    /// What would have been right there.
    pub expected: &'static str,
}

#[derive(Clone, Copy)]
enum Place {
    File(FileId),
    Fixed(Span),
}

/// Objects up to this many keys are searched for a duplicate key by key; larger ones get an index.
const SEARCHED_KEYS: usize = 64;

struct Parser<'t> {
    /// Texts of values are pieces of it.
    source: &'t Arc<String>,
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    place: Place,
    depth: u16,
    duplicates: Vec<Span>,
    /// Entries of the objects, and values of the arrays, that are not at their end yet: those of the innermost last.
    members: Vec<Member>,
    values: Vec<Value>,
}

type Checked<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    fn new(source: &'t Arc<String>, place: Place) -> Self {
        Self {
            source,
            text: source,
            bytes: source.as_bytes(),
            at: 0,
            place,
            depth: 0,
            duplicates: Vec::new(),
            members: Vec::new(),
            values: Vec::new(),
        }
    }

    fn document(&mut self) -> Checked<Value> {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.skip_blanks()?;
        let value = self.value()?;
        self.skip_blanks()?;
        if self.at < self.bytes.len() {
            return Err(self.unexpected("the end of the text: there is one value in a file"));
        }
        Ok(value)
    }

    fn value(&mut self) -> Checked<Value> {
        let start = self.at;
        let data = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Data::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => match self.word() {
                "true" => Data::Bool(true),
                "false" => Data::Bool(false),
                "null" => Data::Null,
                _ => {
                    self.at = start;
                    return Err(self.unexpected(A_VALUE));
                }
            },
            _ => return Err(self.unexpected(A_VALUE)),
        };
        Ok(Value {
            span: self.span(start),
            data,
        })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Checked<Data>) -> Checked<Data> {
        if self.depth == MAX_DEPTH {
            let message = format!("arrays and objects are nested more than {MAX_DEPTH} deep");
            return Err(SyntaxError {
                at: self.at,
                code: Code::TooDeep,
                message,
                expected: "a flatter value",
            });
        }
        self.depth += 1;
        self.at += 1;
        let data = read(self);
        self.depth -= 1;
        data
    }

    fn array(&mut self) -> Checked<Data> {
        let first = self.values.len();
        loop {
            self.skip_blanks()?;
            if self.take(b']') {
                return Ok(Data::from(self.values.split_off(first)));
            }
            let value = self.value()?;
            self.values.push(value);
            self.skip_blanks()?;
            if !self.take(b',') && self.peek() != Some(b']') {
                return Err(self.unexpected("`,` or `]` after a value of an array"));
            }
        }
    }

    fn object(&mut self) -> Checked<Data> {
        let first = self.members.len();
        let mut index: HashMap<String, usize> = HashMap::new();
        loop {
            self.skip_blanks()?;
            if self.take(b'}') {
                return Ok(Data::from(self.members.split_off(first)));
            }
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes, or `}`"));
            }
            let start = self.at;
            let key = self.string()?;
            let key_span = self.span(start);
            self.skip_blanks()?;
            if !self.take(b':') {
                return Err(self.unexpected("`:` after a key"));
            }
            self.skip_blanks()?;
            let value = self.value()?;
            let members = &mut self.members[first..];
            let earlier = if members.len() < SEARCHED_KEYS {
                members
                    .iter()
                    .position(|member| member.key.eq_ignore_ascii_case(&key))
            } else {
                if index.is_empty() {
                    index.extend(
                        members
                            .iter()
                            .zip(0..)
                            .map(|(member, at)| (member.key.to_ascii_lowercase(), at)),
                    );
                }
                let next = members.len();
                Some(*index.entry(key.to_ascii_lowercase()).or_insert(next)).filter(|&at| at < next)
            };
            let member = Member {
                key,
                key_span,
                value,
            };
            match earlier {
                Some(at) => {
                    self.duplicates.push(key_span);
                    members[at] = member;
                }
                None => self.members.push(member),
            }
            self.skip_blanks()?;
            if !self.take(b',') && self.peek() != Some(b'}') {
                return Err(self.unexpected("`,` or `}` after a value of an object"));
            }
        }
    }

    fn string(&mut self) -> Checked<Piece> {
        let quote = self.at;
        self.at += 1;
        let start = self.at;
        let end = self.plain(quote)?;
        if self.bytes[end] == b'"' {
            self.at = end + 1;
            return Ok(Piece::of(self.source, &self.text[start..end]));
        }
        let mut text = String::from(&self.text[start..end]);
        self.at = end;
        loop {
            if self.take(b'"') {
                return Ok(text.into());
            }
            if self.peek() == Some(b'\\') {
                text.push(self.escape()?);
            } else {
                let start = self.at;
                self.at = self.plain(quote)?;
                text.push_str(&self.text[start..self.at]);
            }
        }
    }

    /// Where the run of characters that mean themselves ends: at a quote or a backslash.
    fn plain(&mut self, quote: usize) -> Checked<usize> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().position(|&byte| byte == b'"' || byte == b'\\') else {
            // Where the string begins is more useful than the end of the file.
            self.at = quote;
            return Err(self.error("the text ends inside this string", "a closing quote"));
        };
        Ok(self.at + length)
    }

    fn escape(&mut self) -> Checked<char> {
        let start = self.at;
        self.at += 2;
        let character = match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.four_digits(start)?;
                let code = match first {
                    0xd800..0xdc00 if self.bytes[self.at..].starts_with(b"\\u") => {
                        self.at += 2;
                        let second = self.four_digits(start)?;
                        // RFC 8259 §7: characters beyond the basic plane are two escapes, a surrogate pair.
                        (0xdc00..0xe000)
                            .contains(&second)
                            .then(|| 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                    }
                    other => Some(other),
                };
                match code.and_then(char::from_u32) {
                    Some(character) => character,
                    None => return Err(self.bad_escape(start, "both halves of a surrogate pair")),
                }
            }
            _ => {
                return Err(self.bad_escape(
                    start,
                    "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t, or \\u with four hexadecimal digits",
                ));
            }
        };
        Ok(character)
    }

    fn four_digits(&mut self, escape: usize) -> Checked<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let code = digits.iter().try_fold(0, |sum, &digit| {
            Some(sum * 16 + char::from(digit).to_digit(16)?)
        });
        match code {
            Some(code) if digits.len() == 4 => {
                self.at += 4;
                Ok(code)
            }
            _ => Err(self.bad_escape(escape, "four hexadecimal digits after \\u")),
        }
    }

    fn bad_escape(&mut self, at: usize, expected: &'static str) -> SyntaxError {
        self.at = at;
        self.error("this escape sequence is not valid", expected)
    }

    fn number(&mut self) -> Checked<Data> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            let start = parser.at;
            while parser.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                parser.at += 1;
            }
            parser.at - start
        };
        self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let whole = digits(self);
        let mut well_formed = whole == 1 || (whole > 1 && !leading_zero);
        let mut integer = true;
        if self.take(b'.') {
            integer = false;
            well_formed &= digits(self) > 0;
        }
        if self.take(b'e') || self.take(b'E') {
            integer = false;
            let _ = self.take(b'+') || self.take(b'-');
            well_formed &= digits(self) > 0;
        }
        let text = &self.text[start..self.at];
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        match (number, text.parse()) {
            (Some(_), Ok(number)) if well_formed && integer => Ok(Data::Integer(number)),
            (Some(number), _) if well_formed => Ok(Data::Float(number)),
            _ => {
                self.at = start;
                let message = format!("`{}` is not a number that can be held", shortened(text));
                Err(self.error(message, "a number as -12, 0.5 or 1e6"))
            }
        }
    }

    fn word(&mut self) -> &'t str {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let word = &self.text[self.at..self.at + length];
        self.at += length;
        word
    }

    /// Skips white space and comments.
    fn skip_blanks(&mut self) -> Checked<()> {
        loop {
            while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
                self.at += 1;
            }
            match self.peek() {
                Some(b'/') => match self.bytes.get(self.at + 1) {
                    Some(b'/') => {
                        let rest = &self.bytes[self.at..];
                        self.at += rest
                            .iter()
                            .position(|&byte| byte == b'\n')
                            .unwrap_or(rest.len());
                    }
                    Some(b'*') => match self.text[self.at + 2..].find("*/") {
                        Some(length) => self.at += length + 4,
                        None => return Err(self.error("the text ends inside this comment", "`*/`")),
                    },
                    _ => return Ok(()),
                },
                // White space of other alphabets: a no-break space that came in by copy and paste.
                Some(0xc2..) => match self.text[self.at..].chars().next() {
                    Some(blank) if blank.is_whitespace() => self.at += blank.len_utf8(),
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn span(&self, start: usize) -> Span {
        match self.place {
            Place::File(file) => Span::new(file, start, self.at - start),
            Place::Fixed(span) => span,
        }
    }

    fn error(&self, message: impl Into<String>, expected: &'static str) -> SyntaxError {
        SyntaxError {
            at: self.at,
            code: Code::BadJson,
            message: message.into(),
            expected,
        }
    }

    fn unexpected(&self, expected: &'static str) -> SyntaxError {
        let rest = &self.text[self.at..];
        match rest.chars().next() {
            None if self.at == 0 => self.error("the text is empty", expected),
            None => self.error("the text ends too early", expected),
            Some(character) if character.is_alphanumeric() => {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                self.error(
                    format!("`{}` does not belong here", shortened(&rest[..end])),
                    expected,
                )
            }
            Some(character) => self.error(
                format!("`{}` does not belong here", character.escape_debug()),
                expected,
            ),
        }
    }
}

const A_VALUE: &str =
    "a value: an object, an array, a string in double quotes, a number, true, false or null";

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::Position;

    fn read(text: &str) -> Result<Value, (String, Position)> {
        let mut sources = Sources::new();
        let file = sources
            .add("test.json", text, &mut Diagnostics::new())
            .unwrap();
        let mut diagnostics = Diagnostics::new();
        parse(&sources, file, &mut diagnostics).ok_or_else(|| {
            let error = diagnostics.iter().find(|d| d.expected.is_some()).unwrap();
            (error.message.clone(), sources.position(error.span.unwrap()))
        })
    }

    fn printed(text: &str) -> String {
        read(text)
            .unwrap_or_else(|error| panic!("{text}: {error:?}"))
            .to_string()
    }

    fn refused_at(text: &str) -> (usize, usize) {
        let (_, Position { line, column }) = read(text).expect_err(text);
        (line, column)
    }

    #[test]
    fn the_liberties_of_real_template_files_are_taken() {
        assert_eq!(printed("\u{feff}{\"a\": 1}"), r#"{"a":1}"#);
        assert_eq!(
            printed("// top\n{ /* in */ \"a\": [1, 2, /* two\nlines */], // end\n}\n// bottom"),
            r#"{"a":[1,2]}"#
        );
        assert_eq!(
            printed("{\"a\": \"[concat('x',\n  'y')]\"}"),
            r#"{"a":"[concat('x',\n  'y')]"}"#
        );
        assert_eq!(printed("{\u{a0}\"a\":\u{a0}1}"), r#"{"a":1}"#);
        assert_eq!(printed(r#"["\ud83d\ude00\u00e4\/"]"#), "[\"😀ä/\"]");
        assert_eq!(
            printed("[0, -0, 12345678901234567890, 1e3, -1.5E-2]"),
            "[0,0,1.2345678901234567e19,1000.0,-0.015]"
        );
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let mut sources = Sources::new();
        let file = sources
            .add(
                "test.json",
                "{\n  \"a\": [true,\n    \"text\"]\n}",
                &mut Diagnostics::new(),
            )
            .unwrap();
        let value = parse(&sources, file, &mut Diagnostics::new()).unwrap();
        let member = value.as_object().unwrap().member("A").unwrap();
        assert_eq!(sources.excerpt(member.key_span), "\"a\"");
        let text = &member.value.as_array().unwrap()[1];
        assert_eq!(sources.excerpt(text.span), "\"text\"");
        assert_eq!(sources.position(text.span), Position { line: 3, column: 5 });
    }

    #[test]
    fn a_key_that_comes_twice_has_its_last_value_and_a_note() {
        let mut sources = Sources::new();
        let file = sources
            .add(
                "test.json",
                r#"{"a": 1, "b": 2, "A": 3}"#,
                &mut Diagnostics::new(),
            )
            .unwrap();
        let mut diagnostics = Diagnostics::new();
        assert_eq!(
            parse(&sources, file, &mut diagnostics).unwrap().to_string(),
            r#"{"A":3,"b":2}"#
        );
        let notes: Vec<_> = diagnostics
            .iter()
            .map(|d| (d.code, d.span.unwrap().start()))
            .collect();
        assert_eq!(notes, [(Code::DuplicateKey, 17)]);

        let many = (0..200_000)
            .map(|n| format!("\"k{n}\":0"))
            .collect::<Vec<_>>()
            .join(",");
        let value = read(&format!("{{{many}, \"K7\": 1, \"k150000\": 2}}")).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 200_000);
        assert_eq!(value.get("k7").unwrap().as_i64(), Some(1));
    }

    #[test]
    fn an_error_stands_where_the_hand_would_mend_it() {
        assert_eq!(refused_at(""), (1, 1));
        assert_eq!(refused_at("{\n \"a\": 1\n \"b\": 2}"), (3, 2));
        assert_eq!(refused_at("{\n \"a\": [1, 2"), (2, 12));
        assert_eq!(refused_at("{\n \"a\": \"text"), (2, 7));
        assert_eq!(refused_at("[1] [2]"), (1, 5));
        assert_eq!(refused_at("[1, /* never closed"), (1, 5));
        assert_eq!(refused_at("{a: 1}"), (1, 2));
        assert_eq!(refused_at("[nul]"), (1, 2));
        assert_eq!(refused_at("[True]"), (1, 2));
        assert_eq!(refused_at("[,]"), (1, 2));
        assert_eq!(refused_at("[1,,2]"), (1, 4));
    }

    #[test]
    fn numbers_that_cannot_be_held_and_broken_escapes_are_refused() {
        for text in [
            "[1e999]", "[-]", "[01]", "[1.]", "[.5]", "[1e]", "[+1]", "[0x10]", "[NaN]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in [
            r#"["\ud800"]"#,
            r#"["\udc00"]"#,
            r#"["\ud800\u0041"]"#,
            r#"["\u12"]"#,
            r#"["\x"]"#,
            r#"["\u+123"]"#,
            "[\"\\",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(MAX_DEPTH.into())).is_ok());
        let (message, position) = read(&nested(usize::from(MAX_DEPTH) + 1)).unwrap_err();
        assert!(message.contains("128"), "{message}");
        assert_eq!(
            position,
            Position {
                line: 1,
                column: 129
            }
        );
        assert!(read(&"[".repeat(10 << 20)).is_err());
        assert!(read(&"{\"a\":".repeat(1 << 20)).is_err());
    }

    /// Texts close enough to JSON to come far into the reader.
    fn nearly_json() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", "\"", "\"a\"", ":", ",", "1", "-1.5e3", "true", "null", "//",
                "/*", "*/", "\n", "\\", "\\u00e4", "\\ud83d", "ä", "\u{a0}", "\u{feff}", " ",
            ]),
            0..40,
        )
        .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in prop_oneof![nearly_json(), ".*"]) {
            let _ = read(&text);
        }

        #[test]
        fn strict_json_reads_as_serde_json_reads_it(text in nearly_json()) {
            if let Ok(expected) = serde_json::from_str::<serde_json::Value>(&text) {
                let ours: serde_json::Value = serde_json::from_str(&printed(&text)).unwrap();
                prop_assert_eq!(ours, expected);
            }
        }
    }
}
