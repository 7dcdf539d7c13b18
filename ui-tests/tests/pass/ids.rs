//! Ids at compile time are those at run time.

use mosaik::*;

const TEXT: UniqueId = unique_id!("market.trades.v1");
const SHORT: Tag = id!("market.trades.v1");
const NETWORK: StreamId = unique_id!(r"raw \ text");
const HEX: UniqueId = id!("0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF");
static ALL: [UniqueId; 2] = [unique_id!(""), unique_id!("日本語",)];

#[test]
fn text_is_hashed() {
    assert_eq!(TEXT, UniqueId::from("market.trades.v1"));
    assert_eq!(SHORT, TEXT);
    assert_eq!(NETWORK, UniqueId::from("raw \\ text"));
    assert_eq!(ALL, [UniqueId::from(""), UniqueId::from("日本語")]);
}

#[test]
fn hex_digits_are_the_bytes() {
    assert_eq!(
        HEX,
        UniqueId::from("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
    );
    let bytes: Vec<u8> = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef].repeat(4);
    assert_eq!(HEX, UniqueId::from_bytes(bytes.try_into().unwrap()));
}
