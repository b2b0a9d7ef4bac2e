//! Strings, comparison, logic and conversion.

use std::sync::Arc;

use super::{Call, Fault, as_text, format};
use crate::json::{self, Data, Value};

/// Longest string that a function builds, in bytes. Azure's limit for a whole template is 4 MB.
const MAX_TEXT: usize = 16 << 20;

pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    Some(match lower {
        "base64" => text_to_text(call, base64),
        "base64tojson" => one_text(call).and_then(|text| read_json(call, &decode(call, &text)?)),
        "base64tostring" => one_text(call).and_then(|text| call.answer(decode(call, &text)?)),
        "bool" => bool(call),
        "datauri" => text_to_text(call, |text| {
            format!("data:text/plain;charset=utf8;base64,{}", base64(text))
        }),
        "datauritostring" => data_uri_to_string(call),
        "endswith" => two_texts(call, |text, end| fold(text).ends_with(&fold(end))),
        "equals" => call
            .counts(2..=2)
            .and_then(|()| call.answer(call.values[0].data == call.values[1].data)),
        "false" => call.counts(0..=0).and_then(|()| call.answer(false)),
        "format" => format::format(call),
        "fail" => Err(call.fault("was called, with which a template refuses its parameters")),
        "greater" => compare(call, std::cmp::Ordering::is_gt),
        "greaterorequals" => compare(call, std::cmp::Ordering::is_ge),
        "join" => join(call),
        "json" => one_text(call).and_then(|text| read_json(call, &text)),
        "less" => compare(call, std::cmp::Ordering::is_lt),
        "lessorequals" => compare(call, std::cmp::Ordering::is_le),
        "not" => call
            .counts(1..=1)
            .and_then(|()| call.answer(!call.condition(0)?)),
        "null" => call.counts(0..=0).and_then(|()| call.answer(Data::Null)),
        "padleft" => pad_left(call),
        "replace" => replace(call),
        "split" => split(call),
        "startswith" => two_texts(call, |text, start| fold(text).starts_with(&fold(start))),
        "string" => string(call),
        "substring" => substring(call),
        "tolower" => text_to_text(call, str::to_lowercase),
        "toupper" => text_to_text(call, str::to_uppercase),
        "trim" => text_to_text(call, |text| text.trim().to_owned()),
        "true" => call.counts(0..=0).and_then(|()| call.answer(true)),
        "uri" => uri(call),
        "uricomponent" => text_to_text(call, uri_component),
        "uricomponenttostring" => {
            one_text(call).and_then(|text| call.answer(uri_component_to_string(&text)))
        }
        "xor" => call
            .counts(2..=2)
            .and_then(|()| call.answer(call.condition(0)? != call.condition(1)?)),
        _ => return None,
    })
}

fn one_text(call: &Call<'_>) -> Result<Arc<str>, Fault> {
    call.counts(1..=1)?;
    Ok(call.text(0)?.into())
}

fn text_to_text(call: &Call<'_>, convert: impl Fn(&str) -> String) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    call.answer(convert(&call.text(0)?))
}

fn two_texts(call: &Call<'_>, test: impl Fn(&str, &str) -> bool) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    call.answer(test(&call.text(0)?, &call.text(1)?))
}

/// `startsWith`, `endsWith`, `indexOf` and `lastIndexOf` ignore the letter case.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn bool(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let flag = match &call.values[0].data {
        Data::String(text) if &**text == "1" => true,
        Data::String(text) if &**text == "0" => false,
        _ => call.condition(0)?,
    };
    call.answer(flag)
}

fn compare(call: &Call<'_>, test: fn(std::cmp::Ordering) -> bool) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let ordering = match (&call.values[0].data, &call.values[1].data) {
        (Data::String(a), Data::String(b)) => a.cmp(b),
        (Data::Float(_), _) | (_, Data::Float(_)) => {
            let number = |index: usize| match call.values[index].data {
                Data::Float(number) => Ok(number),
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "compared with a fraction, digits beyond 2^53 do not count"
                )]
                Data::Integer(number) => Ok(number as f64),
                _ => Err(call.wrong(index, "a number")),
            };
            number(0)?.total_cmp(&number(1)?)
        }
        _ => call.integer(0)?.cmp(&call.integer(1)?),
    };
    call.answer(test(ordering))
}

fn join(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let parts = call
        .array(0)?
        .iter()
        .map(as_text)
        .collect::<Option<Vec<_>>>();
    let parts = parts.ok_or_else(|| call.fault("takes an array of strings"))?;
    let delimiter = call.text(1)?;
    bounded(
        call,
        parts.iter().map(|part| part.len() + delimiter.len()).sum(),
    )?;
    call.answer(parts.join(&*delimiter))
}

fn read_json(call: &Call<'_>, text: &str) -> Result<Value, Fault> {
    json::parse_text(text, call.span).map_err(|error| {
        call.fault(format_args!(
            "reads no JSON at offset {}: {}, expected {}",
            error.at, error.message, error.expected
        ))
    })
}

fn pad_left(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=3)?;
    let (text, width) = (call.text(0)?, call.integer(1)?);
    let padding = if call.values.len() == 3 {
        call.text(2)?
    } else {
        " ".into()
    };
    let mut characters = padding.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else {
        return Err(call.wrong(2, "one character"));
    };
    let missing = usize::try_from(width)
        .unwrap_or(0)
        .saturating_sub(text.chars().count());
    bounded(call, missing)?;
    let padding: String = std::iter::repeat_n(character, missing).collect();
    call.answer(padding + &text)
}

fn replace(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(3..=3)?;
    let (text, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
    if old.is_empty() {
        return Err(call.wrong(1, "a string that is not empty"));
    }
    bounded(
        call,
        text.len() + text.matches(&*old).count().saturating_mul(new.len()),
    )?;
    call.answer(text.replace(&*old, &new))
}

fn split(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let text = call.text(0)?;
    let delimiters: Vec<String> = match &call.values[1].data {
        Data::Array(_) => {
            let delimiters = call.array(1)?.iter().map(as_text);
            delimiters
                .map(|text| text.map(std::borrow::Cow::into_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| call.wrong(1, "strings"))?
        }
        _ => vec![call.text(1)?.into_owned()],
    };
    let mut parts = vec![&*text];
    for delimiter in delimiters.iter().filter(|delimiter| !delimiter.is_empty()) {
        parts = parts
            .into_iter()
            .flat_map(|part| part.split(delimiter.as_str()))
            .collect();
    }
    call.answer(
        parts
            .into_iter()
            .map(|part| Value::new(call.span, part))
            .collect::<Vec<_>>(),
    )
}

fn string(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let value = &call.values[0];
    let text = match as_text(value) {
        Some(text) => text.into_owned(),
        None if value.is_null() => String::new(),
        None => {
            bounded(call, value.size().nodes as usize * 64)?;
            value.to_string()
        }
    };
    call.answer(text)
}

fn substring(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=3)?;
    let text = call.text(0)?;
    let length = text.chars().count();
    let start = usize::try_from(call.integer(1)?)
        .ok()
        .filter(|&start| start <= length);
    let start = start.ok_or_else(|| {
        call.fault(format_args!(
            "begins outside of a string of {length} characters"
        ))
    })?;
    let wanted = match call.values.get(2) {
        Some(_) => usize::try_from(call.integer(2)?)
            .ok()
            .filter(|wanted| wanted.saturating_add(start) <= length),
        None => Some(length - start),
    };
    let wanted = wanted.ok_or_else(|| {
        call.fault(format_args!(
            "ends outside of a string of {length} characters"
        ))
    })?;
    call.answer(text.chars().skip(start).take(wanted).collect::<String>())
}

/// Keeps what a function builds within [`MAX_TEXT`].
pub(super) fn bounded(call: &Call<'_>, length: usize) -> Result<(), Fault> {
    if length > MAX_TEXT {
        return Err(call.fault(format_args!(
            "would build a string of {length} bytes, up to {MAX_TEXT} are allowed"
        )));
    }
    Ok(())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 §4.
fn base64(text: &str) -> String {
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for group in text.as_bytes().chunks(3) {
        let bits = group
            .iter()
            .fold(0u32, |bits, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - group.len()));
        for position in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * position) & 63) as usize];
            out.push(if position > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    out
}

fn decode(call: &Call<'_>, text: &str) -> Result<String, Fault> {
    let fault = || call.fault("reads no base64 text");
    let digits = text
        .trim_end_matches('=')
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace());
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut filled) = (0u32, 0);
    for digit in digits {
        let value = BASE64
            .iter()
            .position(|&known| known == digit)
            .ok_or_else(fault)?;
        bits = bits << 6 | u32::try_from(value).map_err(|_| fault())?;
        filled += 6;
        if filled >= 8 {
            filled -= 8;
            bytes.push((bits >> filled & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).map_err(|_| fault())
}

fn data_uri_to_string(call: &Call<'_>) -> Result<Value, Fault> {
    let text = one_text(call)?;
    let (kind, data) = text
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .ok_or_else(|| call.wrong(0, "a data URI"))?;
    if kind.ends_with(";base64") {
        call.answer(decode(call, data)?)
    } else {
        call.answer(uri_component_to_string(data))
    }
}

/// RFC 3986 §2.3: everything but the unreserved characters is written with `%`.
fn uri_component(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out
}

fn uri_component_to_string(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => char::from(*high)
                .to_digit(16)
                .zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = &rest[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `uri(base, relative)`: what follows the last slash of the base is replaced, RFC 3986 §5.2.
fn uri(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let (base, relative) = (call.text(0)?, call.text(1)?);
    if relative.contains("://") {
        return call.answer(&*relative);
    }
    let base = base.split(['?', '#']).next().unwrap_or_default();
    let host = base.find("://").map_or(0, |scheme| scheme + 3);
    let path = base[host..]
        .find('/')
        .map_or(base.len(), |slash| host + slash);
    if relative.starts_with('/') {
        return call.answer(format!("{}{relative}", &base[..path]));
    }
    let mut segments: Vec<&str> = base[path..].split('/').skip(1).collect();
    segments.pop();
    for segment in relative.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    call.answer(format!("{}/{}", &base[..path], segments.join("/")))
}

/// Strings put together, arrays put together; `concat` is both.
pub(super) fn concat(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=usize::MAX)?;
    if call.values.iter().all(|value| value.as_array().is_some()) {
        return call.answer(
            call.values
                .iter()
                .filter_map(Value::as_array)
                .flatten()
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    let parts = (0..call.values.len())
        .map(|index| call.text(index))
        .collect::<Result<Vec<_>, _>>()?;
    bounded(call, parts.iter().map(|part| part.len()).sum())?;
    call.answer(parts.concat())
}

/// What `empty` calls empty.
pub(super) fn is_empty(value: &Value) -> Option<bool> {
    match &value.data {
        Data::Null => Some(true),
        Data::String(text) => Some(text.is_empty()),
        Data::Array(values) => Some(values.is_empty()),
        Data::Object(object) => Some(object.is_empty()),
        Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::testing::{check, eval, refuse},
        uri_component, uri_component_to_string,
    };

    #[test]
    fn text_is_cut_joined_and_replaced() {
        check(&[
            ("concat('a', 1, true())", "\"a1True\""),
            ("concat(createArray(1), createArray('b'))", "[1,\"b\"]"),
            ("replace('a-b-c', '-', '')", "\"abc\""),
            (
                "split('a,b;c', createArray(',', ';'))",
                "[\"a\",\"b\",\"c\"]",
            ),
            ("split('10.0.0.0/24', '/')[1]", "\"24\""),
            ("join(createArray('a', 'b'), ', ')", "\"a, b\""),
            ("padLeft('7', 3, '0')", "\"007\""),
            ("padLeft(123, 2)", "\"123\""),
            ("substring('abcdef', 1, 3)", "\"bcd\""),
            ("substring('äöü', 1)", "\"öü\""),
            ("trim('  x ')", "\"x\""),
            ("toUpper(toLower('AbC'))", "\"ABC\""),
            ("startsWith('GatewaySubnet', 'gateway')", "true"),
            ("endsWith('GatewaySubnet', 'SUBNET')", "true"),
        ]);
        refuse(&[
            ("substring('abc', 2, 5)", "ends outside of a string of 3"),
            ("substring('abc', -1)", "begins outside"),
            ("replace('abc', '', 'x')", "not empty"),
            ("padLeft('x', 999999999999)", "would build a string"),
        ]);
    }

    #[test]
    fn values_are_converted_and_compared() {
        check(&[
            (
                "string(createObject('a', createArray(1, null(), false())))",
                r#""{\"a\":[1,null,false]}""#,
            ),
            ("string(12)", "\"12\""),
            ("json('{\"a\": [1, 2]}').a[1]", "2"),
            ("json('null')", "null"),
            ("bool('TRUE')", "true"),
            ("bool(0)", "false"),
            (
                "equals(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 1))",
                "true",
            ),
            ("equals('a', 'A')", "false"),
            ("greater(2, 1)", "true"),
            ("lessOrEquals('a', 'b')", "true"),
            ("greaterOrEquals(json('1.5'), 2)", "false"),
            ("less('b', 'a')", "false"),
            ("xor(true(), false())", "true"),
            ("null()", "null"),
        ]);
        refuse(&[
            ("json('{')", "reads no JSON"),
            ("bool('maybe')", "takes a boolean"),
        ]);
    }

    #[test]
    fn base64_and_uris_follow_their_rfcs() {
        check(&[
            ("base64('one, two')", "\"b25lLCB0d28=\""),
            ("base64ToString(base64('äöü €'))", "\"äöü €\""),
            ("base64ToJson(base64('{\"a\": 1}')).a", "1"),
            (
                "dataUri('Hello')",
                "\"data:text/plain;charset=utf8;base64,SGVsbG8=\"",
            ),
            (
                "dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')",
                "\"Hello, World!\"",
            ),
            ("uriComponent('a b/ä')", "\"a%20b%2F%C3%A4\""),
            ("uriComponentToString('a%20b%2F%C3%A4%')", "\"a b/ä%\""),
            (
                "uri('http://contoso.org/firstpath', 'myscript.sh')",
                "\"http://contoso.org/myscript.sh\"",
            ),
            (
                "uri('http://contoso.org/firstpath/', 'myscript.sh')",
                "\"http://contoso.org/firstpath/myscript.sh\"",
            ),
            (
                "uri('http://contoso.org/a/azuredeploy.json', '../b/myscript.sh')",
                "\"http://contoso.org/b/myscript.sh\"",
            ),
            (
                "uri('http://contoso.org/a/azuredeploy.json', '/x.json')",
                "\"http://contoso.org/x.json\"",
            ),
            (
                "uri('http://contoso.org', 'x.json')",
                "\"http://contoso.org/x.json\"",
            ),
        ]);
        refuse(&[("base64ToString('!')", "reads no base64")]);
    }

    proptest! {
        #[test]
        fn base64_and_percent_escapes_read_back(text in "[^'\\p{C}]{0,40}") {
            let printed = eval(&format!("base64ToString(base64('{text}'))")).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&printed).unwrap(), text.clone());
            prop_assert_eq!(uri_component_to_string(&uri_component(&text)), text);
        }
    }
}
