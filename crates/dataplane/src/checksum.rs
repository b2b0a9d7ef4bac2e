//! The Internet checksum (K-3, K-4): computed by etherparse, carried along by RFC 1624.

use etherparse::checksum::u64_16bit_word;

/// The value to store for these bytes: the complement of their one's-complement sum (RFC 1071). An odd last byte counts as the
/// high half of a word. Over bytes that hold their own checksum the result is 0.
pub(crate) fn of(bytes: &[u8]) -> u16 {
    u64_16bit_word::ones_complement(u64_16bit_word::add_slice(0, bytes)).to_be()
}

/// [`of`] a transport header and its data, with the pseudo header of IPv4 in front.
pub(crate) fn with_pseudo_header(
    source: [u8; 4],
    destination: [u8; 4],
    protocol: u8,
    transport: &[u8],
) -> u16 {
    let length = u16::try_from(transport.len())
        .expect("the payload of an IPv4 packet is shorter than 65,536 bytes");
    let mut sum = u64_16bit_word::add_4bytes(0, source);
    sum = u64_16bit_word::add_4bytes(sum, destination);
    sum = u64_16bit_word::add_2bytes(sum, [0, protocol]);
    sum = u64_16bit_word::add_2bytes(sum, length.to_be_bytes());
    u64_16bit_word::ones_complement(u64_16bit_word::add_slice(sum, transport)).to_be()
}

/// The stored checksum after one of the words under it has changed from `old` to `new` (RFC 1624, eqn. 3).
///
/// RFC 1141's shorter form can store 0xFFFF where 0x0000 is right.
pub(crate) const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let folded = (sum & 0xFFFF) + (sum >> 16);
    !((folded & 0xFFFF) as u16 + (folded >> 16) as u16)
}

/// [`update`] for four bytes.
pub(crate) fn update_4bytes(checksum: u16, old: [u8; 4], new: [u8; 4]) -> u16 {
    let high = update(
        checksum,
        u16::from_be_bytes([old[0], old[1]]),
        u16::from_be_bytes([new[0], new[1]]),
    );
    update(
        high,
        u16::from_be_bytes([old[2], old[3]]),
        u16::from_be_bytes([new[2], new[3]]),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sums_of_the_rfcs_come_out() {
        // RFC 1071 §3: the complement of ddf2.
        assert_eq!(
            of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            0x220d
        );
        assert_eq!(of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6]), 0x2304);
        // RFC 1624 §4, where RFC 1141 gives ffff.
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn a_decrement_can_lead_to_checksum_zero() {
        assert_eq!(update(0xfeff, 0x4001, 0x3f01), 0x0000);
    }

    proptest! {
        #[test]
        fn an_update_agrees_with_the_whole_sum(mut words in prop::collection::vec(any::<u16>(), 1..12), at: prop::sample::Index, new: u16) {
            let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
            let before = of(&bytes(&words));
            let position = at.index(words.len());
            let old = std::mem::replace(&mut words[position], new);
            let after = of(&bytes(&words));
            // All words 0 is the one sum that the stored form cannot tell from all words ffff; no header is all zero.
            prop_assume!(words.iter().any(|&word| word != 0) );
            prop_assert_eq!(update(before, old, new), after);
        }
    }
}
