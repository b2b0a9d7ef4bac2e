//! The YAML that programs write, read fast: block mappings and sequences, one scalar a line.
//!
//! Whatever is not of that kind (anchors, tags, flow collections, scalars over several lines, escapes, words and numbers of doubtful
//! type, mistakes) is not read here at all: `None` hands the text to the library, which reads everything and takes ten times as long.
//! What is read is exactly what the library would have read, places included.

use std::collections::HashSet;
use std::sync::Arc;

use crate::json::{Data, Member, Piece, Value};
use crate::source::{FileId, Span};

/// Deepest nesting that is read here.
const DEEPEST: usize = 32;
/// Mappings up to this many keys are searched for a duplicate key by key; larger ones get an index.
const SEARCHED_KEYS: usize = 16;

/// Reads a text that begins at byte `from` of `text`. At most `nodes` values are read.
pub(super) fn parse(
    source: &Arc<String>,
    from: usize,
    file: FileId,
    nodes: usize,
) -> Option<Value> {
    let mut reader = Reader {
        source,
        text: source,
        file,
        next: from,
        line: Line::default(),
        ended: false,
        left: nodes,
    };
    reader.advance()?;
    if reader.ended {
        return None;
    }
    let value = reader.node(0, DEEPEST)?;
    reader.ended.then_some(value)
}

/// The part of the present line that is not read yet.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Column of its first byte.
    indent: usize,
    start: usize,
    /// Behind its last byte that is no blank.
    end: usize,
}

struct Reader<'t> {
    /// Texts of values are pieces of it.
    source: &'t Arc<String>,
    text: &'t str,
    file: FileId,
    /// Where the next line begins.
    next: usize,
    line: Line,
    ended: bool,
    left: usize,
}

/// A scalar or key, as far as it was read.
struct Token<'t> {
    content: &'t str,
    quoted: bool,
    start: usize,
    end: usize,
}

impl<'t> Reader<'t> {
    /// Goes to the next line that holds something.
    fn advance(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        loop {
            if self.next >= bytes.len() {
                self.ended = true;
                return Some(());
            }
            let start = self.next;
            let length = bytes[start..].iter().position(|&byte| byte == b'\n');
            let end = length.map_or(bytes.len(), |length| start + length);
            self.next = end + 1;
            let line = &bytes[start..end];
            let indent = line.iter().take_while(|&&byte| byte == b' ').count();
            match line.get(indent) {
                None | Some(b'#') => {}
                // Documents, directives, tabs.
                Some(b'\t' | b'%') => return None,
                Some(b'-') if line[indent..].starts_with(b"---") => return None,
                Some(b'.') if line[indent..].starts_with(b"...") => return None,
                Some(_) if line.last().is_some_and(u8::is_ascii_whitespace) => return None,
                Some(_) => {
                    self.line = Line {
                        indent,
                        start: start + indent,
                        end,
                    };
                    return Some(());
                }
            }
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.line.start..self.line.end]
    }

    fn is_item(&self) -> bool {
        let rest = self.rest();
        rest.starts_with("- ")
    }

    fn count(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    /// The collection that begins on the present line, at least `indent` deep.
    fn node(&mut self, indent: usize, depth: usize) -> Option<Value> {
        if self.ended || self.line.indent < indent {
            return None;
        }
        if self.is_item() {
            let place = self.line.start;
            self.sequence(self.line.indent, place, depth)
        } else {
            self.mapping(self.line.indent, depth)
        }
    }

    fn sequence(&mut self, indent: usize, place: usize, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.count()?;
        let span = Span::new(self.file, place, 0);
        let mut values = Vec::new();
        while !self.ended && self.line.indent == indent && self.is_item() {
            self.line.start += 2;
            self.line.indent += 2;
            let rest = self.rest();
            if rest.starts_with([' ', '-']) {
                return None;
            }
            let token = self.token()?;
            if self.text[token.end..self.line.end].is_empty() {
                values.push(self.scalar(&token)?);
                self.advance()?;
            } else {
                values.push(self.mapping(indent + 2, depth)?);
            }
        }
        // What is deeper would go on with a scalar.
        if !self.ended && self.line.indent > indent {
            return None;
        }
        Some(Value::new(span, values))
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.count()?;
        let span = Span::new(self.file, self.line.start, 0);
        let mut members: Vec<Member> = Vec::new();
        let mut index: HashSet<String> = HashSet::new();
        while !self.ended && self.line.indent == indent && !self.is_item() {
            let key = self.token()?;
            let after = &self.text[key.end..self.line.end];
            let after = after.strip_prefix(':')?;
            if !key.quoted && !is_plain_key(key.content) {
                return None;
            }
            if is_known(&members, &mut index, key.content) {
                return None; // the library tells where
            }
            let key_span = Span::new(self.file, key.start, key.end - key.start);
            let name = Piece::of(self.source, key.content);
            let value = if after.is_empty() {
                self.advance()?;
                if self.ended {
                    return None;
                }
                if self.line.indent == indent && self.is_item() {
                    // Without an indentation of its own it begins with its first entry, not with the dash.
                    let place = self.line.start + 2;
                    self.sequence(indent, place, depth)?
                } else {
                    self.node(indent + 1, depth)?
                }
            } else {
                let blanks = after.len() - after.trim_start_matches(' ').len();
                if blanks == 0 {
                    return None;
                }
                self.line.start = self.line.end - after.len() + blanks;
                let token = self.token()?;
                if token.end != self.line.end {
                    return None;
                }
                let value = self.scalar(&token)?;
                self.advance()?;
                value
            };
            members.push(Member {
                key: name,
                key_span,
                value,
            });
        }
        if members.is_empty() || (!self.ended && self.line.indent > indent) {
            return None;
        }
        Some(Value::new(span, members))
    }

    /// The quoted or plain text at the beginning of what is left of the line: up to the colon of a key, or to the end.
    fn token(&self) -> Option<Token<'t>> {
        let rest = self.rest();
        let start = self.line.start;
        let quote = rest.as_bytes().first().copied()?;
        if quote == b'"' || quote == b'\'' {
            let inner = &rest[1..];
            let length = inner
                .bytes()
                .position(|byte| byte == quote || byte == b'\\')?;
            let end = start + length + 2;
            let follower = self.text[end..self.line.end].bytes().next();
            // A backslash or a doubled quote: an escape.
            if inner.as_bytes()[length] != quote || !matches!(follower, None | Some(b':')) {
                return None;
            }
            return Some(Token {
                content: &inner[..length],
                quoted: true,
                start,
                end,
            });
        }
        let mut end = rest.len();
        let bytes = rest.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b':' if matches!(bytes.get(at + 1), None | Some(b' ')) => {
                    end = at;
                    break;
                }
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'_'
                | b'.'
                | b'/'
                | b':'
                | b'-'
                | b'('
                | b')'
                | b'='
                | b'+' => {}
                // Not before a comment, and not twice.
                b' ' if bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
                _ => return None,
            }
        }
        let content = &rest[..end];
        if content.is_empty() || content.ends_with(' ') {
            return None;
        }
        Some(Token {
            content,
            quoted: false,
            start,
            end: start + end,
        })
    }

    fn scalar(&mut self, token: &Token<'t>) -> Option<Value> {
        self.count()?;
        let data = if token.quoted {
            Data::String(Piece::of(self.source, token.content))
        } else {
            match token.content {
                "true" => Data::Bool(true),
                "false" => Data::Bool(false),
                text => match plain(text)? {
                    Plain::Text => Data::String(Piece::of(self.source, text)),
                    Plain::Integer(number) => Data::Integer(number),
                },
            }
        };
        Some(Value {
            span: Span::new(self.file, token.start, token.end - token.start),
            data,
        })
    }
}

/// Whether a mapping has this key, whatever its letter case. Notes it, if not.
fn is_known(members: &[Member], index: &mut HashSet<String>, key: &str) -> bool {
    if members.len() < SEARCHED_KEYS {
        return members
            .iter()
            .any(|member| member.key.eq_ignore_ascii_case(key));
    }
    if index.is_empty() {
        index.extend(members.iter().map(|member| member.key.to_ascii_lowercase()));
    }
    !index.insert(key.to_ascii_lowercase())
}

enum Plain {
    Text,
    Integer(i64),
}

/// What a plain scalar is, where there is no doubt.
fn plain(text: &str) -> Option<Plain> {
    let bytes = text.as_bytes();
    let count = |wanted: char| text.matches(wanted).count();
    match bytes.first()? {
        b'0'..=b'9' => {
            if bytes.iter().all(u8::is_ascii_digit) {
                let plain = bytes.len() <= 15 && (bytes[0] != b'0' || bytes.len() == 1);
                return plain
                    .then(|| text.parse().ok())
                    .flatten()
                    .map(Plain::Integer);
            }
            // Addresses, prefixes, ids, ranges of ports: no number is written so.
            let sure = count('.') >= 2
                || count('/') >= 1
                || count('-') >= 2
                || (count('-') == 1
                    && bytes
                        .iter()
                        .all(|byte| byte.is_ascii_digit() || *byte == b'-'));
            sure.then_some(Plain::Text)
        }
        b'/' => Some(Plain::Text),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
            let doubtful = [
                "true", "false", "null", "nan", "inf", "infinity", "y", "n", "yes", "no", "on",
                "off",
            ];
            let doubtful = doubtful.iter().any(|word| word.eq_ignore_ascii_case(text));
            (!doubtful).then_some(Plain::Text)
        }
        _ => None,
    }
}

/// A plain key that is a text to everybody.
fn is_plain_key(key: &str) -> bool {
    matches!(plain(key), Some(Plain::Text))
}
