//! Registers of firmware files, and files that are none.

use super::*;
use crate::measure::test_files::ovmf;

#[test]
fn the_page_order_changes_the_register() {
    let file = ovmf();
    let firmware = Firmware::parse(&file).unwrap();
    assert_eq!(firmware.sections().len(), 6);
    assert_ne!(
        firmware.mrtd(PageOrder::TwoPass),
        firmware.mrtd(PageOrder::SinglePass)
    );
}

/// Debian's `ovmf`, against three other implementations: both page orders, and what RTMR0 has of the variables.
#[test]
fn real_firmware_agrees() {
    for (name, expected) in [
        // 2025.02-8+deb13u1
        (
            "OVMF.fd",
            [
                "456f07902150d008bb913c3e1e84e9297f735a6c83cd2a957a1f0a8bbedb06df188e3837ae48d32c73d473d097dc0db2",
                "bdc6fb145880f06f30c8b346b8dce2a99d9351b56892df22f80fcf6574caa9f9c31df8e8576d53b4d0cd1c3f28910e11",
                "344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6412af21c097d473155875ffd561d6790",
            ],
        ),
        // 2022.11-6+deb12u2, which does not measure what it boots: nothing may be built with it.
        (
            "OVMF-2022.fd",
            [
                "acccbcc870a381adab0d3919d90a7f268ac3b0364771f202ed4bb4e892d045b33db3b32e6924cba830a724eed443f7e1",
                "4c7206f0f483c524f12c366c711e9049030a8d47c471ee5aa9c4999a08de4057fb887fed0744d5631a212967fb231c47",
                "f87302177b059d54a2cf0c5f13340dbabf5c9dd60dc3f996c68b776fbe4de959769443a3d8ef6538b97d7e151c8298e8",
            ],
        ),
    ] {
        let Some(file) = crate::measure::test_files::real(name) else {
            continue;
        };
        let firmware = Firmware::parse(&file).unwrap();
        let found = [
            firmware.mrtd(PageOrder::TwoPass),
            firmware.mrtd(PageOrder::SinglePass),
            Measurement::new(firmware.configuration_digest().unwrap()),
        ];
        assert_eq!(found.map(|digest| digest.to_string()), expected, "{name}");
    }
}

/// The definition written out for a section of two pages.
#[test]
fn both_orders_follow_the_specification() {
    let mut file: Vec<u8> = (0..0x4000_u32).map(|index| index as u8).collect();
    layout::install(&mut file, &[(0, 0x1100, 0x1000, 0x2000, 0, 1)]);
    let mut memory = file[..0x1100].to_vec();
    memory.resize(0x2000, 0);
    let record = |name: &[u8], address: u64| {
        let mut record = name.to_vec();
        record.resize(16, 0);
        record.extend(address.to_le_bytes());
        record.resize(128, 0);
        record
    };
    let add = |page: u64| record(b"MEM.PAGE.ADD", 0x1000 + page * 4096);
    let extend = |page: u64| -> Vec<u8> {
        (0..16)
            .flat_map(|chunk| {
                let at = page * 4096 + chunk * 256;
                let mut bytes = record(b"MR.EXTEND", 0x1000 + at);
                bytes.extend(&memory[at as usize..at as usize + 256]);
                bytes
            })
            .collect()
    };
    let firmware = Firmware::parse(&file).unwrap();
    for (order, parts) in [
        (PageOrder::TwoPass, [add(0), add(1), extend(0), extend(1)]),
        (
            PageOrder::SinglePass,
            [add(0), extend(0), add(1), extend(1)],
        ),
    ] {
        let expected = sha384(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(
            firmware.mrtd(order),
            Measurement::new(expected),
            "{order:?}"
        );
    }
}

#[test]
fn what_is_no_firmware() {
    let one = |entry: layout::Entry| {
        let mut file = vec![0; 0x2000];
        layout::install(&mut file, &[entry]);
        file
    };
    let malformed = |reason| FirmwareError::Malformed { reason };
    let many = {
        let mut file = vec![0; 0x2000];
        layout::install(&mut file, &[(0, 0, 0, 0, 0, 0); 33]);
        file
    };
    for (file, error) in [
        (vec![], FirmwareError::NoMetadata),
        (vec![0; 0x2000], FirmwareError::NoMetadata),
        (many, malformed("number of sections")),
        (
            one((0x1f00, 0x200, 0, 0x1000, 0, 1)),
            FirmwareError::SectionOutside {
                index: 0,
                end: 0x2100,
                file_bytes: 0x2000,
            },
        ),
        (
            one((0, 0, 1, 0x1000, 0, 1)),
            malformed("a section is not aligned to pages"),
        ),
        (
            one((0, 0, 0, 1 << 40, 0, 1)),
            malformed("a section is larger than any firmware"),
        ),
        (
            one((0, 0x1001, 0, 0x1000, 0, 1)),
            malformed("a section's contents exceed its memory"),
        ),
    ] {
        assert_eq!(Firmware::parse(&file).unwrap_err(), error);
    }
}

/// Every byte of the metadata set to a few values: an error or a firmware, never a panic.
#[test]
fn a_damaged_file_is_an_error_at_worst() {
    let mut file = vec![0; 0x2000];
    layout::install(
        &mut file,
        &[(0, 0x1000, 0, 0x1000, 0, 1), (0, 0, 0x8000, 0x1000, 2, 0)],
    );
    for at in 0x1a00..file.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[at] = value;
            if let Ok(firmware) = Firmware::parse(&damaged) {
                let _ = firmware.td_hob_digest(1 << 30);
                let _ = firmware.configuration_digest();
            }
        }
    }
    for bytes in 0..0x80 {
        let _ = Firmware::parse(&file[file.len() - bytes..]);
    }
}
