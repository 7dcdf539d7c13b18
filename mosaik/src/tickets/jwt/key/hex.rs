//! Hex digits as bytes, at compile time too.

use super::KeyError;

/// The bytes that exactly `2 * N` hex digits stand for.
pub(super) const fn decode<const N: usize>(
    key: &'static str,
    text: &str,
) -> Result<[u8; N], KeyError> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(KeyError::Length {
            key,
            expected: N,
            actual: digits.len() / 2,
        });
    }
    let mut bytes = [0; N];
    let mut index = 0;
    while index < N {
        let (Some(high), Some(low)) = (digit(digits[2 * index]), digit(digits[2 * index + 1]))
        else {
            return Err(KeyError::NotHex { key });
        };
        bytes[index] = high << 4 | low;
        index += 1;
    }
    Ok(bytes)
}

/// The bytes that hex digits stand for, however many.
pub(super) fn decode_any(key: &'static str, text: &str) -> Result<Vec<u8>, KeyError> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    pairs
        .map(byte)
        .collect::<Option<_>>()
        .ok_or(KeyError::NotHex { key })
}

/// As [`decode`], for constants: a mistake is a compile error there, and a panic elsewhere.
#[track_caller]
pub(super) const fn decode_or_panic<const N: usize>(key: &'static str, text: &str) -> [u8; N] {
    match decode(key, text) {
        Ok(bytes) => bytes,
        Err(KeyError::Length { .. }) => panic!("a key in hex of another length"),
        Err(_) => panic!("a key in hex with something else than hex digits"),
    }
}

const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
