//! Arrays and objects.

use super::{Call, Fault, strings};
use crate::json::{Data, Member, Object, Piece, Value};

pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    Some(match lower {
        "array" => array(call),
        "concat" => strings::concat(call),
        "contains" => contains(call),
        "createarray" => call.answer(call.values.to_vec()),
        "createobject" => create_object(call),
        "empty" => empty(call),
        "first" => end(call, |length| length.checked_sub(length)),
        "flatten" => flatten(call),
        "indexfromend" => from_end(call, false),
        "indexof" => index_of(call, false),
        "intersection" => intersection(call),
        "items" => items(call),
        "last" => end(call, |length| length.checked_sub(1)),
        "lastindexof" => index_of(call, true),
        "length" => length(call),
        "objectkeys" => object_keys(call),
        "range" => range(call),
        "shallowmerge" => shallow_merge(call),
        "skip" => cut(call, |length, count| count.min(length)..length),
        "take" => cut(call, |length, count| 0..count.min(length)),
        "tryget" => try_get(call),
        "tryindexfromend" => from_end(call, true),
        "union" => union(call),
        _ => return None,
    })
}

fn array(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    match &call.values[0].data {
        Data::Array(_) => Ok(call.values[0].clone()),
        _ => call.answer(call.values.to_vec()),
    }
}

fn contains(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let found = match &call.values[0].data {
        Data::Array(values) => values.iter().any(|value| value.data == call.values[1].data),
        Data::Object(object) => {
            let key = call.text(1)?;
            if object.get(&key).is_none() && object.is_open() {
                return Ok(Value::unknown(
                    call.span,
                    format!("whether Azure sets `{key}` is not known"),
                ));
            }
            object.get(&key).is_some()
        }
        Data::Null => false,
        _ => call.text(0)?.contains(&*call.text(1)?),
    };
    call.answer(found)
}

fn create_object(call: &Call<'_>) -> Result<Value, Fault> {
    if call.values.len() % 2 == 1 {
        return Err(call.fault("takes pairs of keys and values"));
    }
    let mut members = Members::default();
    for (index, pair) in call.values.chunks_exact(2).enumerate() {
        members.set(&call.text(2 * index)?, pair[1].clone());
    }
    call.answer(members.list)
}

/// Entries under construction; a key that comes again replaces the earlier one.
#[derive(Default)]
pub(super) struct Members {
    list: Vec<Member>,
    index: std::collections::HashMap<String, usize>,
}

impl Members {
    pub(super) fn set(&mut self, key: &str, value: Value) {
        let next = self.list.len();
        let at = *self.index.entry(key.to_ascii_lowercase()).or_insert(next);
        if at == next {
            self.list.push(Member {
                key: key.into(),
                key_span: value.span,
                value,
            });
        } else {
            self.list[at].value = value;
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.index
            .get(&key.to_ascii_lowercase())
            .map(|&at| &self.list[at].value)
    }

    pub(super) fn into_list(self) -> Vec<Member> {
        self.list
    }
}

impl From<&Object> for Members {
    fn from(object: &Object) -> Self {
        let mut members = Self::default();
        for member in object.iter() {
            members.set(&member.key, member.value.clone());
        }
        members
    }
}

fn empty(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let empty = strings::is_empty(&call.values[0]);
    call.answer(empty.ok_or_else(|| call.wrong(0, "a string, an array or an object"))?)
}

/// `first` and `last`, of an array or a string. Of an empty array they are null.
fn end(call: &Call<'_>, position: fn(usize) -> Option<usize>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    if let Data::Array(values) = &call.values[0].data {
        let value = position(values.len()).and_then(|position| values.get(position));
        return Ok(value.cloned().unwrap_or_else(|| Value::null(call.span)));
    }
    let text = call.text(0)?;
    let character = position(text.chars().count()).and_then(|position| text.chars().nth(position));
    call.answer(character.map(String::from).unwrap_or_default())
}

fn flatten(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let mut flat = Vec::new();
    for value in call.array(0)?.iter() {
        match &value.data {
            Data::Array(values) => flat.extend_from_slice(values),
            Data::Unknown(_) => return Ok(value.clone()),
            _ => return Err(call.fault("takes an array of arrays")),
        }
    }
    call.answer(flat)
}

/// `indexFromEnd(array, 1)` is the last element.
fn from_end(call: &Call<'_>, tolerant: bool) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let (values, back) = (call.array(0)?, call.integer(1)?);
    let index = usize::try_from(back)
        .ok()
        .filter(|&back| back > 0)
        .and_then(|back| values.len().checked_sub(back));
    match index.and_then(|index| values.get(index)) {
        Some(value) => Ok(value.clone()),
        None if tolerant => Ok(Value::null(call.span)),
        None => Err(call.fault(format_args!(
            "finds no element {back} from the end of {}",
            values.len()
        ))),
    }
}

/// Strings ignore the letter case, elements of arrays do not; counted in characters.
fn index_of(call: &Call<'_>, from_end: bool) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let index = if let Data::Array(values) = &call.values[0].data {
        let wanted = &call.values[1];
        let mut elements = values.iter();
        if from_end {
            elements.rposition(|value| value == wanted)
        } else {
            elements.position(|value| value == wanted)
        }
    } else {
        let (text, part) = (strings::fold(&call.text(0)?), strings::fold(&call.text(1)?));
        let byte = if from_end {
            text.rfind(&part)
        } else {
            text.find(&part)
        };
        byte.map(|byte| text[..byte].chars().count())
    };
    call.answer(
        index
            .and_then(|index| i64::try_from(index).ok())
            .unwrap_or(-1),
    )
}

fn intersection(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=usize::MAX)?;
    if let Data::Array(first) = &call.values[0].data {
        let mut common = first.to_vec();
        for index in 1..call.values.len() {
            let other = call.array(index)?;
            common.retain(|value| other.iter().any(|candidate| candidate.data == value.data));
        }
        return call.answer(common);
    }
    let mut common = call.object(0)?.to_vec();
    for index in 1..call.values.len() {
        let other = call.object(index)?;
        common.retain(|member| {
            other
                .get(&member.key)
                .is_some_and(|value| value.data == member.value.data)
        });
    }
    call.answer(common)
}

/// `[{"key": ..., "value": ...}]`, ordered by key.
fn items(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let mut members: Vec<&Member> = call.object(0)?.iter().collect();
    members.sort_by_key(|member| member.key.to_lowercase());
    let pair = |member: &Member| {
        let entry = |key: &str, value: Value| Member {
            key: key.into(),
            key_span: member.key_span,
            value,
        };
        let key = Value::new(member.key_span, member.key.clone());
        Value::new(
            call.span,
            vec![entry("key", key), entry("value", member.value.clone())],
        )
    };
    call.answer(members.into_iter().map(pair).collect::<Vec<_>>())
}

fn length(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let length = match &call.values[0].data {
        Data::Array(values) => values.len(),
        Data::Object(object) => object.len(),
        Data::String(text) => text.chars().count(),
        _ => return Err(call.wrong(0, "a string, an array or an object")),
    };
    call.answer(i64::try_from(length).unwrap_or(i64::MAX))
}

fn object_keys(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let mut keys: Vec<&Piece> = call.object(0)?.iter().map(|member| &member.key).collect();
    keys.sort_by_key(|key| key.to_lowercase());
    call.answer(
        keys.into_iter()
            .map(|key| Value::new(call.span, key.clone()))
            .collect::<Vec<_>>(),
    )
}

/// Azure docs: "The count can't exceed 10,000", as of start plus count.
fn range(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let (start, count) = (call.integer(0)?, call.integer(1)?);
    if !(0..=10_000).contains(&count) || start.checked_add(count).is_none() {
        return Err(call.fault(format_args!(
            "makes 0 to 10000 numbers, not {count} from {start}"
        )));
    }
    call.answer(
        (start..start + count)
            .map(|number| Value::new(call.span, number))
            .collect::<Vec<_>>(),
    )
}

fn shallow_merge(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let mut merged = Members::default();
    for value in call.array(0)?.iter() {
        match &value.data {
            Data::Object(object) => object
                .iter()
                .for_each(|member| merged.set(&member.key, member.value.clone())),
            Data::Unknown(_) => return Ok(value.clone()),
            _ => return Err(call.fault("takes an array of objects")),
        }
    }
    call.answer(merged.list)
}

fn cut(call: &Call<'_>, part: fn(usize, usize) -> std::ops::Range<usize>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let count = usize::try_from(call.integer(1)?).unwrap_or(0);
    if let Data::Array(values) = &call.values[0].data {
        return call.answer(values[part(values.len(), count)].to_vec());
    }
    let text = call.text(0)?;
    let part = part(text.chars().count(), count);
    call.answer(
        text.chars()
            .skip(part.start)
            .take(part.len())
            .collect::<String>(),
    )
}

/// `tryGet(value, key, ...)`: null where a key or an index is missing.
fn try_get(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=usize::MAX)?;
    let mut value = &call.values[0];
    for key in &call.values[1..] {
        let found = match (&value.data, &key.data) {
            (Data::Unknown(_), _) => return Ok(value.clone()),
            (Data::Object(object), Data::String(key)) => match object.get(key) {
                None if object.is_open() => {
                    return Ok(Value::unknown(
                        call.span,
                        format!("`{key}` is set by Azure when the resource exists"),
                    ));
                }
                found => found,
            },
            (Data::Array(values), Data::Integer(index)) => usize::try_from(*index)
                .ok()
                .and_then(|index| values.get(index)),
            _ => None,
        };
        match found {
            Some(found) => value = found,
            None => return Ok(Value::null(call.span)),
        }
    }
    Ok(value.clone())
}

/// Arrays without the elements that come again; objects merged, those inside them too.
fn union(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=usize::MAX)?;
    if call.values.iter().all(|value| value.as_array().is_some()) {
        let mut all: Vec<Value> = Vec::new();
        for value in call.values.iter().filter_map(Value::as_array).flatten() {
            if all.len() > 10_000 {
                return Err(call.fault("puts more than 10000 elements together"));
            }
            if !all.iter().any(|known| known.data == value.data) {
                all.push(value.clone());
            }
        }
        return call.answer(all);
    }
    let mut merged = call.object(0)?.clone();
    for index in 1..call.values.len() {
        merged = merge(&merged, call.object(index)?);
    }
    call.answer(merged)
}

fn merge(left: &Object, right: &Object) -> Object {
    let mut members = Members::from(left);
    for member in right.iter() {
        let value = match (
            members.get(&member.key).map(|value| &value.data),
            &member.value.data,
        ) {
            (Some(Data::Object(left)), Data::Object(right)) => {
                Value::new(member.value.span, merge(left, right))
            }
            _ => member.value.clone(),
        };
        members.set(&member.key, value);
    }
    let merged = Object::new(members.list);
    if left.is_open() || right.is_open() {
        merged.opened()
    } else {
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, refuse};

    #[test]
    fn arrays_are_made_searched_and_cut() {
        check(&[
            ("createArray(1, 'a')", "[1,\"a\"]"),
            ("array('a')", "[\"a\"]"),
            ("array(createArray(1))", "[1]"),
            ("contains(createArray('a'), 'a')", "true"),
            ("contains(createArray('a'), 'A')", "false"),
            ("contains('GatewaySubnet', 'way')", "true"),
            ("first(createArray(1, 2))", "1"),
            ("last(createArray(1, 2))", "2"),
            ("first(createArray())", "null"),
            ("first('äb')", "\"ä\""),
            ("last('äb')", "\"b\""),
            ("length(createObject('a', 1))", "1"),
            ("length('äö')", "2"),
            ("take(createArray(1, 2, 3), 2)", "[1,2]"),
            ("skip(createArray(1, 2, 3), 2)", "[3]"),
            ("skip('abc', 5)", "\"\""),
            ("take('abc', -1)", "\"\""),
            ("range(5, 3)", "[5,6,7]"),
            (
                "flatten(createArray(createArray(1), createArray(2, 3)))",
                "[1,2,3]",
            ),
            ("indexOf('TestSet', 't')", "0"),
            ("lastIndexOf('TestSet', 't')", "6"),
            ("indexOf(createArray('a', 'b', 'b'), 'b')", "1"),
            ("lastIndexOf(createArray('a', 'b', 'b'), 'b')", "2"),
            ("indexOf('abc', 'x')", "-1"),
            ("indexFromEnd(createArray(1, 2, 3), 1)", "3"),
            ("tryIndexFromEnd(createArray(1), 2)", "null"),
            (
                "intersection(createArray(1, 2, 3), createArray(3, 2))",
                "[2,3]",
            ),
            ("union(createArray(1, 2), createArray(2, 3))", "[1,2,3]"),
            ("empty(createArray())", "true"),
            ("empty('')", "true"),
            ("empty(null())", "true"),
        ]);
        refuse(&[
            ("range(0, 1000000000)", "0 to 10000"),
            ("length(1)", "takes a string, an array or an object"),
            ("indexFromEnd(createArray(), 1)", "finds no element"),
            ("createArray(1)[1]", "no element 1 in an array of 1"),
        ]);
    }

    #[test]
    fn objects_are_made_merged_and_read() {
        check(&[
            ("createObject('a', 1, 'b', createArray()).b", "[]"),
            (
                "union(createObject('a', createObject('x', 1)), createObject('A', createObject('y', 2)))",
                r#"{"a":{"x":1,"y":2}}"#,
            ),
            (
                "shallowMerge(createArray(createObject('a', createObject('x', 1)), createObject('a', createObject('y', 2))))",
                r#"{"a":{"y":2}}"#,
            ),
            (
                "intersection(createObject('a', 1, 'b', 2), createObject('a', 1, 'b', 3))",
                r#"{"a":1}"#,
            ),
            (
                "items(createObject('b', 2, 'a', 1))",
                r#"[{"key":"a","value":1},{"key":"b","value":2}]"#,
            ),
            ("objectKeys(createObject('b', 2, 'A', 1))", r#"["A","b"]"#),
            (
                "tryGet(createObject('a', createArray(createObject('b', 3))), 'a', 0, 'B')",
                "3",
            ),
            ("tryGet(createObject(), 'a', 'b')", "null"),
            ("contains(createObject('Name', 1), 'name')", "true"),
            ("createObject('Name', 1)['NAME']", "1"),
            ("createObject().?missing", "null"),
            ("createArray()[?3]", "null"),
        ]);
        refuse(&[
            ("createObject('a')", "pairs"),
            (
                "createObject('a', 1, 'b', 2).c",
                "no property `c`; it has a, b",
            ),
            ("createArray(1).c", "the property `c` is asked of an array"),
        ]);
    }
}
