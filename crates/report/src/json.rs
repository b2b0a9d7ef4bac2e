//! JSON as Azure's command line prints it: keys in the order of the alphabet, two blanks a level.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a document with sorted keys, as `az ... --output json` does, and a line break.
pub fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // serde_json's object sorts its keys.
    let document = serde_json::to_value(document)?;
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_non_ascii_letters_stay_as_they_are() {
        let mut out = Vec::new();
        super::write(&mut out, &json!({"b": [], "a": {"d": "Zürich", "c": null}})).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\n  \"a\": {\n    \"c\": null,\n    \"d\": \"Zürich\"\n  },\n  \"b\": []\n}\n"
        );
    }
}
