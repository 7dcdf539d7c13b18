//! Many damaged inputs: each is an error or something that says what it says, never a panic.

use mosaik::tdx::{
    Collateral, EventLog, Quote, TdxTicket,
    measure::{Firmware, PageOrder, authenticode_sha384, patch_as_qemu},
};

use super::data;

/// Enough to hit every length and count in these formats some hundred times; a second of work.
const ROUNDS: usize = 4_000;

/// A sequence of numbers that is the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Calls `take` with damaged copies of `whole`: bytes replaced, mostly in the first `head` of them, and ends cut off.
fn damage(whole: &[u8], head: usize, mut take: impl FnMut(&[u8])) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        let mut bytes = whole.to_vec();
        for _ in 0..=numbers.below(4) {
            let limit = if numbers.below(3) == 0 {
                bytes.len()
            } else {
                head.min(bytes.len())
            };
            let index = numbers.below(limit);
            bytes[index] = [0, 1, 0x7f, 0x80, 0xff, bytes[index] ^ 1][numbers.below(6)];
        }
        if numbers.below(4) == 0 {
            bytes.truncate(numbers.below(whole.len()));
        }
        take(&bytes);
    }
}

#[test]
fn quotes_and_tickets() {
    for name in ["tdx_quote", "tdx_quote_td15ex"] {
        damage(&data(name), 1200, |bytes| {
            if let Ok(quote) = Quote::from_bytes(bytes) {
                assert!(bytes.starts_with(quote.as_bytes()));
                assert!(!format!("{quote:?}").is_empty());
            }
        });
    }
    damage(&[2; 64], 64, |bytes| {
        assert!(TdxTicket::try_from(bytes).is_err())
    });
    let json = data("tdx_quote_collateral.json");
    damage(&json[..3000], 3000, |bytes| {
        assert!(Collateral::from_json(bytes).is_err())
    });
}

#[test]
fn event_logs() {
    for name in ["trustee_ccel_ovmf_pre202408.bin", "gotdx_cos113_ccel.bin"] {
        let log = data(name);
        damage(&log[..2200], 2200, |bytes| {
            if let Ok(log) = EventLog::parse(bytes) {
                assert_eq!(log.replay(), log.replay());
                assert!(
                    log.events()
                        .iter()
                        .all(|event| event.to_string().len() < 400)
                );
            }
        });
    }
}

#[test]
fn firmware_and_kernels() {
    let whole = data("firmware_small.bin");
    let parsed = Firmware::parse(&whole).unwrap();
    assert_ne!(
        parsed.mrtd(PageOrder::SinglePass),
        parsed.mrtd(PageOrder::TwoPass)
    );
    assert!(parsed.td_hob_digest(1 << 40).is_ok());
    assert!(
        parsed.td_hob_digest(1 << 20).is_err(),
        "less than its own sections take"
    );
    assert!(
        parsed.td_hob_digest(u64::MAX).is_err(),
        "more than there are addresses"
    );
    // Only the tables are damaged.
    let mut measured = 0;
    let mut take = |bytes: &[u8]| {
        if let Ok(firmware) = Firmware::parse(bytes) {
            measured += 1;
            assert!(
                firmware
                    .sections()
                    .iter()
                    .all(|section| u64::from(section.data_bytes) <= whole.len() as u64)
            );
            let _ = firmware.td_hob_digest(1 << 31);
            let _ = firmware.configuration_digest();
        }
    };
    let mut numbers = Numbers(7);
    for _ in 0..ROUNDS {
        let mut bytes = whole.clone();
        for _ in 0..=numbers.below(3) {
            let index = match numbers.below(2) {
                0 => 0x2000 + numbers.below(144),
                _ => bytes.len() - 0x20 - numbers.below(48) - 1,
            };
            bytes[index] = [0, 1, 0x7f, 0x80, 0xff, bytes[index] ^ 1][numbers.below(6)];
        }
        take(&bytes);
    }
    assert!(measured > 0);
    let kernel = data("kernel_small.bin");
    assert!(authenticode_sha384(&kernel).is_ok());
    damage(&kernel, 0x300, |bytes| {
        let _ = authenticode_sha384(bytes);
        let _ = patch_as_qemu(bytes, 1 << 20, 1 << 32);
    });
}
