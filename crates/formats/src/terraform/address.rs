//! Addresses and references as Terraform writes them: `module.hub.azurerm_subnet.apps["x"].id`.

use std::fmt;

/// One step of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `hub` in `module.hub`.
    Name(String),
    /// `["x"]` or `[0]`.
    Key(Key),
}

/// Which instance of something that has `count` or `for_each`, or which element of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// `["x"]`, of `for_each`.
    Text(String),
    /// `[0]`, of `count`.
    Number(usize),
}

/// `azurerm_subnet.apps["x"].id` in its steps; `None` for a text that is no address.
pub(super) fn parse(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (key, after) = if let Some(quoted) = inside.strip_prefix('"') {
                let (text, after) = quoted_text(quoted)?;
                (Key::Text(text), after.strip_prefix(']')?)
            } else {
                let (number, after) = inside.split_once(']')?;
                (Key::Number(number.trim().parse().ok()?), after)
            };
            steps.push(Step::Key(key));
            rest = after;
        } else {
            let start = if steps.is_empty() {
                rest
            } else {
                rest.strip_prefix('.')?
            };
            let end = start.find(['.', '[']).unwrap_or(start.len());
            let (name, after) = start.split_at(end);
            if name.is_empty() || name.contains([']', '"']) {
                return None;
            }
            // `list.0.id`, as old configurations have it.
            steps.push(match name.parse() {
                Ok(number) if !steps.is_empty() => Step::Key(Key::Number(number)),
                _ => Step::Name(name.to_owned()),
            });
            rest = after;
        }
    }
    Some(steps)
}

/// The text up to the closing quotation mark, and what stands behind it.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

/// The modules in which something stands, from the root, each with its instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ModulePath(pub(super) Vec<(String, Option<Key>)>);

impl ModulePath {
    /// The modules at the beginning of an address, and the steps behind them.
    pub(super) fn of(mut steps: &[Step]) -> (Self, &[Step]) {
        let mut modules = Vec::new();
        while let [Step::Name(word), Step::Name(name), rest @ ..] = steps
            && word == "module"
        {
            let (key, rest) = key_of(rest);
            modules.push((name.clone(), key));
            steps = rest;
        }
        (Self(modules), steps)
    }

    /// This module and the one around it.
    pub(super) fn split_last(&self) -> Option<(Self, &(String, Option<Key>))> {
        let (last, around) = self.0.split_last()?;
        Some((Self(around.to_vec()), last))
    }

    /// A module called in this one.
    pub(super) fn child(&self, name: &str, key: Option<Key>) -> Self {
        let mut path = self.0.clone();
        path.push((name.to_owned(), key));
        Self(path)
    }
}

/// The key at the beginning of the steps, and the others.
pub(super) fn key_of(steps: &[Step]) -> (Option<Key>, &[Step]) {
    match steps {
        [Step::Key(key), rest @ ..] => (Some(key.clone()), rest),
        _ => (None, steps),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "[{text:?}]"),
            Self::Number(number) => write!(f, "[{number}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_falls_apart_into_modules_and_the_rest() {
        let steps = parse(r#"module.spoke["a.b\"c"].module.net[1].azurerm_subnet.apps[0].id"#);
        let steps = steps.unwrap();
        let (modules, rest) = ModulePath::of(&steps);
        assert_eq!(
            modules.0,
            [
                ("spoke".to_owned(), Some(Key::Text("a.b\"c".to_owned()))),
                ("net".to_owned(), Some(Key::Number(1)))
            ]
        );
        let name = |text: &str| Step::Name(text.to_owned());
        assert_eq!(
            rest,
            [
                name("azurerm_subnet"),
                name("apps"),
                Step::Key(Key::Number(0)),
                name("id")
            ]
        );
        assert_eq!(
            parse("a.b.0.c"),
            parse("a.b[0].c"),
            "the old spelling of an element"
        );
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in ["a..b", "a[", "a[\"x", "a[x]", "a]", ".a", "a[0"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(""), Some(Vec::new()));
    }
}
