//! `uniqueString`, `guid`, `newGuid`.

use std::fmt::Write;

use sha1_smol::Sha1;

use super::{Call, Fault};
use crate::json::Value;

pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    Some(match lower {
        "guid" => joined(call).and_then(|text| call.answer(guid(&text))),
        // Assumed: a new deployment has new GUIDs, but the same input must give the same network. They name things.
        "newguid" => call
            .counts(0..=0)
            .and_then(|()| call.answer(guid("newGuid"))),
        "uniquestring" => joined(call).and_then(|text| call.answer(unique_string(text.as_bytes()))),
        _ => return None,
    })
}

fn joined(call: &Call<'_>) -> Result<String, Fault> {
    call.counts(1..=usize::MAX)?;
    let parts = (0..call.values.len())
        .map(|index| call.text(index))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(parts.join("-"))
}

/// The namespace of Azure's name-based GUIDs, as published by those who rebuilt `guid()`.
const NAMESPACE: [u8; 16] = [
    0x11, 0xfb, 0x06, 0xfb, 0x71, 0x2d, 0x4d, 0xdd, 0x98, 0xc7, 0xe7, 0x1b, 0xbd, 0x58, 0x88, 0x30,
];

/// A name-based GUID, RFC 9562 §5.5 (version 5). Assumed to be Azure's, up to the namespace.
fn guid(name: &str) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(&NAMESPACE);
    sha1.update(name.as_bytes());
    let mut bytes = sha1.digest().bytes();
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut out = String::with_capacity(36);
    for (position, byte) in bytes[..16].iter().enumerate() {
        out.push_str(if matches!(position, 4 | 6 | 8 | 10) {
            "-"
        } else {
            ""
        });
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Thirteen characters of base 32 over a 64-bit hash: two 32-bit lanes mixed as in `MurmurHash3`, which differs from the
/// published `x86_128` in having two lanes instead of four. Several people rebuilt it and compared it with Azure.
fn unique_string(text: &[u8]) -> String {
    const C1: u32 = 0xab0e_9789;
    const C2: u32 = 0x239b_961b;
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte))
    };
    let low = |word: u32| word.wrapping_mul(C2).rotate_left(15).wrapping_mul(C1);
    let high = |word: u32| word.wrapping_mul(C1).rotate_left(17).wrapping_mul(C2);

    let (mut h1, mut h2) = (0u32, 0u32);
    let (blocks, tail) = text.as_chunks::<8>();
    for block in blocks {
        h1 = (h1 ^ low(word(&block[..4])))
            .rotate_left(19)
            .wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x561c_cd1b);
        h2 = (h2 ^ high(word(&block[4..])))
            .rotate_left(13)
            .wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x0bca_a747);
    }
    let (first, second) = tail.split_at(tail.len().min(4));
    h1 ^= low(word(first));
    h2 ^= high(word(second));

    // `concat` and others stop far below 4 GiB.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    let mix = |mut hash: u32| {
        hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        hash ^ hash >> 16
    };
    h1 = mix(h1);
    h2 = mix(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);

    let hash = u64::from(h2) << 32 | u64::from(h1);
    let digit = |position: u32| {
        // Twelve groups of five bits from the top, then the four that are left, shifted up.
        let bits = (hash << (5 * position)) >> 59;
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(bits & 31) as usize])
    };
    (0..13).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    /// Values published by people who compared their own versions with Azure's answers.
    #[test]
    fn unique_strings_are_those_of_azure() {
        check(&[
            ("uniqueString('test')", "\"rbgf3xv4ufgzg\""),
            ("uniqueString('hello', 'world')", "\"a7wkljktk6wne\""),
            ("uniqueString('abc')", "\"cgtzqvhu4i23s\""),
            ("uniqueString('foo', 'bar', 'baz')", "\"xzi4ioaxtmth4\""),
            (
                "uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg')",
                "\"bmg7c6xu4tw46\"",
            ),
        ]);
    }

    #[test]
    fn guids_are_name_based_and_stay_the_same() {
        check(&[
            ("equals(guid('a', 'b'), guid('a-b'))", "true"),
            ("equals(guid('a'), guid('b'))", "false"),
            ("substring(guid('a'), 14, 1)", "\"5\""),
            ("length(newGuid())", "36"),
        ]);
    }
}
