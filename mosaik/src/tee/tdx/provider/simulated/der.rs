//! As much of ASN.1's distinguished encoding (X.690) as certificates are made of.

/// A value with its tag and length.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..=0x7f => bytes.push(u8::try_from(short).expect("invariant: under 128")),
        long => {
            let length = long.to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let count = u8::try_from(length.len() - zeros).expect("invariant: 8 at most");
            bytes.push(0x80 | count);
            bytes.extend_from_slice(&length[zeros..]);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

pub(super) fn sequence(items: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &items.concat())
}

pub(super) fn set(items: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x31, &items.concat())
}

/// A number that is not negative, from its bytes, the most significant first.
pub(super) fn integer(big_endian: &[u8]) -> Vec<u8> {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let digits = &big_endian[zeros.min(big_endian.len().saturating_sub(1))..];
    if digits.first().is_none_or(|first| *first >= 0x80) {
        tagged(0x02, &[&[0], digits].concat())
    } else {
        tagged(0x02, digits)
    }
}

pub(super) fn enumerated(value: u8) -> Vec<u8> {
    tagged(0x0a, &[value])
}

pub(super) fn boolean(value: bool) -> Vec<u8> {
    tagged(0x01, &[if value { 0xff } else { 0 }])
}

pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    tagged(0x04, bytes)
}

/// Bits in whole bytes, of which the last `unused` do not count.
pub(super) fn bits(unused: u8, bytes: &[u8]) -> Vec<u8> {
    tagged(0x03, &[&[unused], bytes].concat())
}

pub(super) fn utf8(text: &str) -> Vec<u8> {
    tagged(0x0c, text.as_bytes())
}

/// A time as `YYMMDDhhmmssZ`, of the years 1950 to 2049.
pub(super) fn utc_time(text: &str) -> Vec<u8> {
    tagged(0x17, text.as_bytes())
}

pub(super) fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let [first, second, rest @ ..] = arcs {
        push_base_128(&mut bytes, first * 40 + second);
        rest.iter().for_each(|arc| push_base_128(&mut bytes, *arc));
    }
    tagged(0x06, &bytes)
}

fn push_base_128(bytes: &mut Vec<u8>, value: u64) {
    let mut started = false;
    for shift in (0..10).rev().map(|group| group * 7) {
        let digit = u8::try_from((value >> shift) & 0x7f).expect("invariant: 7 bits");
        started |= digit != 0 || shift == 0;
        if started {
            bytes.push(if shift == 0 { digit } else { digit | 0x80 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(
            oid(&[1, 2, 840, 10045, 2, 1]),
            [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]
        );
        assert_eq!(integer(&[0]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[1, 0]), [2, 2, 1, 0]);
        assert_eq!(sequence(&[boolean(true)]), [0x30, 3, 1, 1, 0xff]);
        assert_eq!(bits(0, &[9]), [3, 2, 0, 9]);
        assert_eq!(octets(&[0; 200])[..4], [4, 0x81, 200, 0]);
        assert_eq!(octets(&[0; 300])[..4], [4, 0x82, 1, 44]);
    }
}
