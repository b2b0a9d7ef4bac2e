//! Puts the body of a resource together, property by property.

use crate::json::{Member, Object, Value};
use crate::source::Span;

/// No entries.
pub(super) fn empty() -> Object {
    Object::new(Vec::new())
}

/// An entry whose key stands in no file.
pub(super) fn member(key: &str, value: Value) -> Member {
    Member {
        key: key.into(),
        key_span: value.span,
        value,
    }
}

/// `{"id": ...}`.
pub(super) fn reference(id: Value) -> Value {
    Value::new(id.span, vec![member("id", id)])
}

/// `object` with a value under keys that are divided by `/`; objects on the way are made.
pub(super) fn put(object: &Object, path: &str, value: Value) -> Object {
    change(object, path, value.span, |_| value)
}

/// `object` with further elements in the array under a path.
pub(super) fn append(object: &Object, path: &str, span: Span, values: Vec<Value>) -> Object {
    change(object, path, span, |present| {
        let mut all = present
            .and_then(Value::as_array)
            .unwrap_or_default()
            .to_vec();
        // Two modules may say the same.
        for value in values {
            if !all.contains(&value) {
                all.push(value);
            }
        }
        Value::new(span, all)
    })
}

fn change(
    object: &Object,
    path: &str,
    span: Span,
    new: impl FnOnce(Option<&Value>) -> Value,
) -> Object {
    match path.split_once('/') {
        None => object.with(path, new(object.get(path))),
        Some((key, rest)) => {
            let inner = object
                .get(key)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_else(empty);
            let inner = change(&inner, rest, span, new);
            object.with(key, Value::new(span, inner))
        }
    }
}
