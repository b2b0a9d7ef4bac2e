//! The language inside `"[...]"`: from text to a syntax tree.
//!
//! ```text
//! expression = primary { "." name | ".?" name | "[" expression "]" | "[?" expression "]" }
//! primary    = "'" text "'"  (a quote in it is written twice)
//!            | number | [ namespace "." ] name "(" [ expression { "," expression } ] ")"
//! ```
//!
//! Source: Azure docs, "Syntax and expressions in ARM templates".

use std::sync::Arc;

use crate::json::Data;

/// Deepest nesting of calls and indexes. Azure limits the length to 24,576 characters, not the depth; the deepest
/// expressions that compilers write nest about twenty calls.
const MAX_DEPTH: usize = 100;

/// A parsed expression. Offsets count bytes from the beginning of the string value, its opening bracket included.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// A string or a number.
    Literal(Data),
    /// A template function, or a user-defined one if there is a namespace (`contoso.prefix`).
    Call {
        name: Arc<str>,
        arguments: Box<[Expression]>,
        at: usize,
    },
    /// `base.name`; with `safe` (`.?`) a missing property is null.
    Property {
        base: Box<Expression>,
        name: Arc<str>,
        safe: bool,
        at: usize,
    },
    /// `base[index]`; with `safe` (`[?`) a missing element or property is null.
    Index {
        base: Box<Expression>,
        index: Box<Expression>,
        safe: bool,
        at: usize,
    },
}

/// What a string value of a template is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text<'t> {
    /// It means itself.
    Plain(&'t str),
    /// To be evaluated: everything between the brackets, and them.
    Expression(&'t str),
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) at: usize,
    pub(super) message: String,
}

/// Tells expressions from plain strings. `[[` at the beginning stands for a plain `[`; a bracket that is not closed by
/// the last character is plain too.
pub(super) fn classify(text: &str) -> Text<'_> {
    if !text.starts_with('[') || !text.ends_with(']') {
        Text::Plain(text)
    } else if text.starts_with("[[") {
        Text::Plain(&text[1..])
    } else {
        Text::Expression(text)
    }
}

/// Parses a text that [`classify`] called an expression.
pub(super) fn parse(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser {
        text,
        at: 1,
        end: text.len() - 1,
        depth: 0,
    };
    let expression = parser.expression()?;
    parser.skip_blanks();
    if parser.at < parser.end {
        return Err(parser.unexpected("the end of the expression"));
    }
    Ok(expression)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Where the closing bracket stands.
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn expression(&mut self) -> Result<Expression, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("the expression nests more than {MAX_DEPTH} calls")));
        }
        self.depth += 1;
        let mut base = self.primary()?;
        for _ in 0..MAX_DEPTH {
            self.skip_blanks();
            let at = self.at;
            if self.take('.') {
                let safe = self.take('?');
                self.skip_blanks();
                let name = self
                    .name()
                    .ok_or_else(|| self.unexpected("the name of a property after `.`"))?
                    .into();
                base = Expression::Property {
                    base: Box::new(base),
                    name,
                    safe,
                    at,
                };
            } else if self.take('[') {
                let safe = self.take('?');
                let index = Box::new(self.expression()?);
                self.skip_blanks();
                if !self.take(']') {
                    return Err(self.unexpected("`]`"));
                }
                base = Expression::Index {
                    base: Box::new(base),
                    index,
                    safe,
                    at,
                };
            } else {
                self.depth -= 1;
                return Ok(base);
            }
        }
        Err(self.error(format!(
            "more than {MAX_DEPTH} properties and indexes follow each other"
        )))
    }

    fn primary(&mut self) -> Result<Expression, SyntaxError> {
        self.skip_blanks();
        let at = self.at;
        match self.rest().chars().next() {
            Some('\'') => self.string(),
            Some('-' | '+' | '0'..='9') => self.number(),
            _ => {
                let Some(mut name) = self.name() else {
                    return Err(
                        self.unexpected("a function, a string in single quotes or a number")
                    );
                };
                self.skip_blanks();
                // `contoso.prefix(...)`: the dot of a namespace comes before any call.
                if self.rest().starts_with('.') {
                    self.at += 1;
                    if self.name().is_none() {
                        return Err(self.unexpected("the name of a function after its namespace"));
                    }
                    name = &self.text[at..self.at];
                    self.skip_blanks();
                }
                if !self.take('(') {
                    return Err(self
                        .unexpected("`(`: values are read with functions, as parameters('name')"));
                }
                let arguments = self.arguments()?.into();
                Ok(Expression::Call {
                    name: name.into(),
                    arguments,
                    at,
                })
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, SyntaxError> {
        let mut arguments = Vec::new();
        self.skip_blanks();
        if self.take(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            self.skip_blanks();
            if self.take(')') {
                return Ok(arguments);
            }
            if !self.take(',') {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
    }

    fn string(&mut self) -> Result<Expression, SyntaxError> {
        let open = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            let Some(length) = self.rest().find('\'') else {
                self.at = open;
                return Err(self.error("the string that begins here is not closed".into()));
            };
            text.push_str(&self.rest()[..length]);
            self.at += length + 1;
            if !self.take('\'') {
                return Ok(Expression::Literal(Data::from(text)));
            }
            text.push('\'');
        }
    }

    fn number(&mut self) -> Result<Expression, SyntaxError> {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
            .unwrap_or(rest.len());
        let text = rest[..length].strip_prefix('+').unwrap_or(&rest[..length]);
        let number = match text.parse::<i64>() {
            Ok(number) => Data::Integer(number),
            Err(_) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Data::Float(number),
                _ => return Err(self.error(format!("`{text}` is not a number"))),
            },
        };
        self.at += length;
        Ok(Expression::Literal(number))
    }

    fn name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$'))
            .unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..self.end]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, character: char) -> bool {
        let found = self.rest().starts_with(character);
        self.at += if found { character.len_utf8() } else { 0 };
        found
    }

    fn error(&self, message: String) -> SyntaxError {
        SyntaxError {
            at: self.at,
            message,
        }
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        self.error(match self.rest().chars().next() {
            Some(character) => format!(
                "`{}` does not belong here, expected {expected}",
                character.escape_debug()
            ),
            None => format!("the expression ends too early, expected {expected}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(expression: &Expression) -> String {
        match expression {
            Expression::Literal(data) => data.to_string(),
            Expression::Call {
                name, arguments, ..
            } => {
                format!(
                    "{name}({})",
                    arguments.iter().map(shown).collect::<Vec<_>>().join(" ")
                )
            }
            Expression::Property {
                base, name, safe, ..
            } => {
                format!("{}{}{name}", shown(base), if *safe { ".?" } else { "." })
            }
            Expression::Index {
                base, index, safe, ..
            } => {
                format!(
                    "{}[{}{}]",
                    shown(base),
                    if *safe { "?" } else { "" },
                    shown(index)
                )
            }
        }
    }

    fn parsed(text: &str) -> String {
        shown(&parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")))
    }

    #[test]
    fn brackets_make_an_expression_unless_doubled_or_open() {
        assert_eq!(classify("[concat('a')]"), Text::Expression("[concat('a')]"));
        assert_eq!(
            classify("[[not an expression]"),
            Text::Plain("[not an expression]")
        );
        assert_eq!(classify("[open"), Text::Plain("[open"));
        assert_eq!(classify("10.0.0.0/8"), Text::Plain("10.0.0.0/8"));
        assert_eq!(classify("["), Text::Plain("["));
        assert_eq!(classify("[]"), Text::Expression("[]"));
    }

    #[test]
    fn calls_properties_and_indexes_nest() {
        assert_eq!(
            parsed("[parameters('subnets')[copyIndex(1)].properties.?addressPrefix[?'x']]"),
            r#"parameters("subnets")[copyIndex(1)].properties.?addressPrefix[?"x"]"#
        );
        assert_eq!(
            parsed("[ contoso.prefix ( 'a' ,\n -12 , 1.5 ) ]"),
            r#"contoso.prefix("a" -12 1.5)"#
        );
        assert_eq!(
            parsed("[concat('it''s', '''', '')]"),
            r#"concat("it's" "'" "")"#
        );
        assert_eq!(
            parsed("[variables('a')['b'][0]]"),
            r#"variables("a")["b"][0]"#
        );
    }

    #[test]
    fn an_error_says_what_was_expected_and_where() {
        for (text, at, part) in [
            ("[concat('a']", 11, "`,` or `)`"),
            ("[concat('a]", 8, "not closed"),
            ("[parameters]", 11, "parameters('name')"),
            ("[]", 1, "a function"),
            ("[concat('a') 'b']", 13, "the end"),
            ("[parameters('a').]", 17, "property"),
            ("[1x]", 1, "not a number"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(
                error.at == at && error.message.contains(part),
                "{text}: {error:?}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("[{}1{}]", "f(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(parse(&nested(MAX_DEPTH)).is_err());
        assert!(parse(&format!("[{}]", "f(".repeat(1 << 20))).is_err());
        // A long chain of properties is no nesting, but its tree would be as deep.
        assert!(parse(&format!("[f(){}]", ".a".repeat(1 << 20))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\[[a-c'().,\\[\\]?0-9ä \\-]{0,40}\\]") {
            if let Text::Expression(text) = classify(&text) {
                let _ = parse(text);
            }
        }
    }
}
