//! Predictions against the logs of real trust domains.
//!
//! The digests are those that real hardware signed, as published by Dstack-TEE/dstack (CC0-1.0):
//! `verifier/fixtures/tdx-lite-getquote.json` (2 GiB) and `quote-report.json` (64 GiB). Their
//! firmware has the metadata of [`ovmf`].

use super::*;
use crate::measure::test_files::{bz_image, ovmf};

fn digests(era: FirmwareEra, memory_bytes: u64) -> Vec<(String, Option<String>)> {
    let (firmware, kernel) = (ovmf(), bz_image());
    let boot = Boot {
        firmware: &firmware,
        era,
        kernel: &kernel,
        initrd: b"initrd",
        command_line: "console=ttyS0",
        memory_bytes,
        profile: HostProfile::CanonicalNoble,
    };
    predict(&boot)
        .unwrap()
        .events
        .into_iter()
        .filter(|event| event.register <= Register::Rtmr1)
        .map(|event| {
            let digest = event
                .digest
                .map(|digest| Measurement::new(digest).to_string());
            (event.label.into_owned(), digest)
        })
        .collect()
}

#[test]
fn the_platform_events_are_those_of_real_logs() {
    for (memory_bytes, td_hob) in [
        (
            2 << 30,
            "0b8772e5b0b41b83e6044a68397e02f49fb47066b4fbe4917ea2c45c64f323fdacbb37948f821ebaf8bc9c938ba8a749",
        ),
        (
            64 << 30,
            "8ae1e425351df7992c444586eff99d35af3b779aa2b0e981cb4b73bc5b279f2ade19b6a62a203fc3c3bbdaae80af596d",
        ),
    ] {
        let digests = digests(FirmwareEra::Before202505, memory_bytes);
        for (label, expected) in [
            ("list of memory (TD HOB)", td_hob),
            (
                "SecureBoot",
                "9dc3a1f80bcec915391dcda5ffbb15e7419f77eab462bbf72b42166fb70d50325e37b36f93537a863769bcf9bedae6fb",
            ),
            (
                "PK",
                "6f2e3cbc14f9def86980f5f66fd85e99d63e69a73014ed8a5633ce56eca5b64b692108c56110e22acadcef58c3250f1b",
            ),
            (
                "KEK",
                "d607c0efb41c0d757d69bca0615c3a9ac0b1db06c557d992e906c6b7dee40e0e031640c7bfd7bcd35844ef9edeadc6f9",
            ),
            (
                "db",
                "08a74f8963b337acb6c93682f934496373679dd26af1089cb4eaf0c30cf260a12e814856385ab8843e56a9acea19e127",
            ),
            (
                "dbx",
                "18cc6e01f0c6ea99aa23f8a280423e94ad81d96d0aeb5180504fc0f7a40cb3619dd39bd6a95ec1680a86ed6ab0f9828d",
            ),
            (
                "separator",
                "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0",
            ),
            (
                "BootOrder",
                "1dd6f7b457ad880d840d41c961283bab688e94e4b59359ea45686581e90feccea3c624b1226113f824f315eb60ae0a7c",
            ),
            (
                "Boot0000",
                "23ada07f5261f12f34a0bd8e46760962d6b4d576a416f1fea1c64bc656b1d28eacf7047ae6e967c58fd2a98bfa74c298",
            ),
            (
                "Calling EFI Application from Boot Option",
                "77a0dab2312b4e1e57a84d865a21e5b2ee8d677a21012ada819d0a98988078d3d740f6346bfe0abaa938ca20439a8d71",
            ),
            (
                "Exit Boot Services Invocation",
                "214b0bef1379756011344877743fdc2a5382bac6e70362d624ccf3f654407c1b4badf7d8f9295dd3dabdef65b27677e0",
            ),
            (
                "Exit Boot Services Returned with Success",
                "0a2e01c85deae718a530ad8c6d20a84009babe6c8989269e950d8cf440c6e997695e64d455c4174a652cd080f6230b74",
            ),
        ] {
            let found: Vec<_> = digests.iter().filter(|(name, _)| name == label).collect();
            assert!(!found.is_empty(), "{label}");
            for (_, digest) in found {
                assert_eq!(digest.as_deref(), Some(expected), "{label}, {memory_bytes}");
            }
        }
    }
}

#[test]
fn each_generation_of_firmware_has_its_own_log() {
    let separators = |era| {
        digests(era, 2 << 30)
            .into_iter()
            .map(|(label, _)| label)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let platform = "list of memory (TD HOB), firmware variables (CFV), SecureBoot, PK, KEK, db, dbx, \
                    separator, ACPI loader, ACPI RSDP, ACPI tables, BootOrder, Boot0000";
    let calling = "kernel, Calling EFI Application from Boot Option";
    let exit = "Exit Boot Services Invocation, Exit Boot Services Returned with Success";
    assert_eq!(
        separators(FirmwareEra::Before202408),
        format!("{platform}, separator, {calling}, {exit}")
    );
    assert_eq!(
        separators(FirmwareEra::Before202505),
        format!("{platform}, {calling}, separator, {exit}")
    );
    assert_eq!(
        separators(FirmwareEra::Since202505),
        format!("{calling}, separator, {exit}")
    );
}

/// The same boot with one input changed at a time: which registers move.
#[test]
fn what_each_register_depends_on() {
    let (firmware, kernel) = (ovmf(), bz_image());
    let base = Boot {
        firmware: &firmware,
        era: FirmwareEra::Before202505,
        kernel: &kernel,
        initrd: b"initrd",
        command_line: "console=ttyS0",
        memory_bytes: 4 << 30,
        profile: HostProfile::CanonicalNoble,
    };
    let mut other_firmware = firmware.clone();
    other_firmware[0x9_0000] ^= 1;
    let mut other_kernel = kernel.clone();
    *other_kernel.last_mut().unwrap() ^= 1;
    let mut other_checksum = kernel.clone();
    other_checksum[0x80 + 24 + 64] ^= 1;
    let since = FirmwareEra::Since202505;
    let mainline = HostProfile::Mainline;
    for (what, boot, moved) in [
        ("nothing", base, [false, false, false]),
        (
            "firmware",
            Boot {
                firmware: &other_firmware,
                ..base
            },
            [true, false, false],
        ),
        (
            "kernel",
            Boot {
                kernel: &other_kernel,
                ..base
            },
            [false, true, false],
        ),
        (
            "checksum",
            Boot {
                kernel: &other_checksum,
                ..base
            },
            [false, false, false],
        ),
        (
            "initrd",
            Boot {
                initrd: b"Initrd",
                ..base
            },
            [false, false, true],
        ),
        (
            "initrd size",
            Boot {
                initrd: b"initrd2",
                ..base
            },
            [false, true, true],
        ),
        (
            "command line",
            Boot {
                command_line: "quiet",
                ..base
            },
            [false, false, true],
        ),
        (
            "8 GiB",
            Boot {
                memory_bytes: 8 << 30,
                ..base
            },
            [false, false, false],
        ),
        (
            "1 GiB",
            Boot {
                memory_bytes: 1 << 30,
                ..base
            },
            [false, true, false],
        ),
        (
            "page order",
            Boot {
                profile: mainline,
                ..base
            },
            [true, false, false],
        ),
        (
            "era",
            Boot {
                era: FirmwareEra::Before202408,
                ..base
            },
            [false, true, false],
        ),
    ] {
        let (before, after) = (predict(&base).unwrap(), predict(&boot).unwrap());
        let found = [
            before.mrtd != after.mrtd,
            before.rtmr1 != after.rtmr1,
            before.rtmr2 != after.rtmr2,
        ];
        assert_eq!(found, moved, "{what}");
    }
    let unpatched = Boot {
        era: since,
        profile: mainline,
        ..base
    };
    let larger = Boot {
        initrd: b"initrd2",
        ..unpatched
    };
    assert_eq!(
        predict(&unpatched).unwrap().rtmr1,
        predict(&larger).unwrap().rtmr1
    );
}

#[test]
fn the_command_line_is_utf16_with_the_ram_disk_named() {
    assert_eq!(
        loaded_command_line("é"),
        "é initrd=initrd\0"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    );
    assert_eq!(&loaded_command_line("a")[..4], &[b'a', 0, b' ', 0]);
}
