//! The rules as tables.

use super::*;

fn criteria(mrtd: bool, registers: [bool; 4]) -> MeasurementsCriteria {
    let value = Measurement::new([1; 48]);
    MeasurementsCriteria {
        mrtd: mrtd.then_some(value),
        rtmr: registers.map(|required| required.then_some(value)),
    }
}

#[test]
fn only_firmware_kernel_and_file_system_together_identify_software() {
    use Enough::{AnyDomain, Firmware, Image};
    const NO: bool = false;
    let table = [
        (Image, NO, [NO; 4], Err(Unanchored::Nothing)),
        (Image, NO, [true, NO, NO, NO], Err(Unanchored::Nothing)),
        (Image, NO, [NO, true, true, NO], Err(Unanchored::Firmware)),
        (Image, NO, [NO, NO, NO, true], Err(Unanchored::Firmware)),
        (Image, true, [NO; 4], Err(Unanchored::FirmwareOnly)),
        (
            Image,
            true,
            [true, NO, NO, NO],
            Err(Unanchored::FirmwareOnly),
        ),
        (Image, true, [NO, NO, true, NO], Err(Unanchored::Kernel)),
        (Image, true, [NO, true, NO, NO], Err(Unanchored::FileSystem)),
        (Image, true, [NO, true, true, NO], Ok(())),
        (Image, true, [true; 4], Ok(())),
        (Firmware, true, [NO; 4], Ok(())),
        (Firmware, true, [NO, NO, true, NO], Ok(())),
        (Firmware, NO, [NO; 4], Err(Unanchored::Nothing)),
        (
            Firmware,
            NO,
            [NO, true, true, NO],
            Err(Unanchored::Firmware),
        ),
        (AnyDomain, NO, [NO; 4], Ok(())),
        (AnyDomain, NO, [NO, NO, true, NO], Ok(())),
    ];
    for (enough, mrtd, registers, expected) in table {
        let software = Software {
            baseline: criteria(mrtd, registers),
            variants: Vec::new(),
            enough,
        };
        assert_eq!(
            software.anchor(),
            expected,
            "{enough:?} {mrtd} {registers:?}"
        );
    }
}

#[test]
fn every_variant_has_to_identify_software_together_with_the_baseline() {
    let software = |variants: &[(bool, [bool; 4])]| Software {
        baseline: criteria(true, [false; 4]),
        variants: variants
            .iter()
            .map(|(mrtd, registers)| criteria(*mrtd, *registers))
            .collect(),
        enough: Enough::Image,
    };
    let whole = (false, [false, true, true, false]);
    let kernel_only = (false, [false, true, false, false]);
    assert_eq!(software(&[whole]).anchor(), Ok(()));
    assert_eq!(
        software(&[whole, kernel_only]).anchor(),
        Err(Unanchored::FileSystem)
    );
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn binding(quoted: i64, expires: Option<i64>) -> Binding {
    Binding {
        peer_id: crate::primitives::SecretKey::from_bytes(&[1; 32]).public(),
        network_id: NetworkId::zero(),
        started_at: at(0),
        quoted_at: at(quoted),
        expiration: expires.map_or(Expiration::Never, |end| Expiration::At(at(end))),
        nonce: [0; 32],
    }
}

#[test]
fn times() {
    const NOW: i64 = 1_000_000;
    let rule = Times {
        age_max: Duration::from_secs(1000),
        not_before: None,
        lifetime_max: None,
    };
    let since = Times {
        not_before: Some(at(NOW - 10)),
        ..rule
    };
    let brief = Times {
        lifetime_max: Some(Duration::from_secs(60)),
        ..rule
    };
    let end = |seconds: i64| Ok(Expiration::At(at(seconds)));
    let table = [
        (rule, NOW, None, end(NOW + 1300)),
        (rule, NOW, Some(NOW + 5), end(NOW + 5)),
        (rule, NOW, Some(NOW), end(NOW)),
        (rule, NOW - 1300, None, end(NOW)),
        (rule, NOW + 300, None, end(NOW + 1600)),
        (rule, NOW - 1, Some(NOW - 1), Err(TdxRefusal::Expired)),
        (
            rule,
            NOW - 1301,
            None,
            Err(TdxRefusal::TooOld {
                quoted_at: at(NOW - 1301),
                age_max: Duration::from_secs(1000),
            }),
        ),
        (
            rule,
            NOW + 301,
            None,
            Err(TdxRefusal::FromTheFuture {
                quoted_at: at(NOW + 301),
            }),
        ),
        (since, NOW - 10, None, end(NOW + 1290)),
        (
            since,
            NOW - 11,
            None,
            Err(TdxRefusal::TooEarly {
                quoted_at: at(NOW - 11),
                not_before: at(NOW - 10),
            }),
        ),
        (brief, NOW, Some(NOW + 60), end(NOW + 60)),
    ];
    for (rule, quoted, expires, expected) in table {
        let outcome = rule.judge(&binding(quoted, expires), at(NOW));
        assert_eq!(outcome, expected, "{quoted} {expires:?}");
    }
    let too_long = Err(TdxRefusal::LivesTooLong {
        lifetime_max: Duration::from_secs(60),
    });
    for expires in [None, Some(NOW + 61), Some(NOW - 1)] {
        assert_eq!(brief.judge(&binding(NOW, expires), at(NOW)), too_long);
    }
}

#[test]
fn the_state_of_the_platform() {
    let verdict = |status, advisories: &[&str]| Verdict {
        status,
        advisories: advisories.iter().map(ToString::to_string).collect(),
        tcb_evaluation: 17,
        fmspc: [0; 6],
        valid_from: at(0),
        valid_until: at(9),
    };
    let strict = Platform::up_to_date();
    let lenient = Platform {
        allowed: [TcbStatus::SwHardeningNeeded, TcbStatus::Revoked].into(),
        evaluation_min: Some(17),
        refused_advisories: ["INTEL-SA-1".to_owned()].into(),
    };
    let newer = Platform {
        evaluation_min: Some(18),
        ..strict.clone()
    };
    let good = Ok(Expiration::At(at(9)));
    let refused = |status| Err(TdxRefusal::PlatformStatus { status });
    let hardening = TcbStatus::SwHardeningNeeded;
    let table = [
        (
            &strict,
            verdict(TcbStatus::UpToDate, &["INTEL-SA-1"]),
            good.clone(),
        ),
        (&strict, verdict(hardening, &[]), refused(hardening)),
        (&lenient, verdict(hardening, &["INTEL-SA-2"]), good.clone()),
        (
            &lenient,
            verdict(hardening, &["INTEL-SA-1"]),
            Err(TdxRefusal::Advisory("INTEL-SA-1".to_owned())),
        ),
        (
            &lenient,
            verdict(TcbStatus::Revoked, &[]),
            refused(TcbStatus::Revoked),
        ),
        (
            &newer,
            verdict(TcbStatus::UpToDate, &[]),
            Err(TdxRefusal::OldEvaluation {
                evaluation: 17,
                evaluation_min: 18,
            }),
        ),
    ];
    for (rule, verdict, expected) in table {
        assert_eq!(rule.judge(&verdict), expected, "{rule:?} {verdict:?}");
    }
}
