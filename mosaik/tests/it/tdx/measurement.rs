//! Logs of real boots, replayed to what the hardware signed; and where a boot differs from a prediction.

use mosaik::tdx::{
    Difference, EventLog, EventLogError, Explanation, LoggedEvent, Measurement, Measurements,
    Quote,
    measure::{Event, Prediction, Register, event_type, replay},
};
use serde::Deserialize;

use super::{data, quote};

fn has_ends(measurement: Measurement, start: &str, end: &str) -> bool {
    let text = measurement.to_string();
    text.starts_with(start) && text.ends_with(end)
}

#[test]
fn the_log_of_an_older_firmware_replays() {
    let log = EventLog::parse(&data("trustee_ccel_ovmf_pre202408.bin")).unwrap();
    let [rtmr0, rtmr1, rtmr2, rtmr3] = log.replay();
    assert!(has_ends(rtmr0, "8566f998", "e193"), "{rtmr0}");
    assert!(has_ends(rtmr1, "775b9f6b", "13c6"), "{rtmr1}");
    assert!(has_ends(rtmr2, "94eaf7a7", "f34a"), "{rtmr2}");
    assert_eq!(rtmr3, Measurement::ZERO);
    // It has no separator in RTMR1, and two in RTMR0.
    let separators = |register| {
        let events = log.of(register);
        events
            .filter(|event| event.event_type == event_type::SEPARATOR)
            .count()
    };
    assert_eq!(log.of(Register::Rtmr1).count(), 4);
    assert_eq!(
        (separators(Register::Rtmr0), separators(Register::Rtmr1)),
        (2, 0)
    );
}

#[test]
fn the_log_of_a_boot_through_grub_replays_to_its_quote() {
    let log = EventLog::parse(&data("gotdx_cos113_ccel.bin")).unwrap();
    let registers = Measurements::from_quote(&quote("gotdx_cos113_quote.dat"));
    for (index, replayed) in log.replay().into_iter().enumerate() {
        assert_eq!(replayed, registers.rtmr(index), "rtmr{index}");
    }
    assert!(
        log.events()
            .iter()
            .any(|event| event.text().contains("grub"))
    );
}

/// An entry of the logs that dstack writes.
#[derive(Deserialize)]
struct DstackEvent {
    imr: u32,
    event_type: u32,
    digest: String,
    event_payload: String,
}

/// The quote and the log of a boot, the log as the firmware writes it.
fn dstack(name: &str) -> (Quote, Vec<u8>) {
    #[derive(Deserialize)]
    struct Fixture {
        quote: String,
        event_log: String,
    }
    let fixture: Fixture = serde_json::from_slice(&data(name)).unwrap();
    let events: Vec<DstackEvent> = serde_json::from_str(&fixture.event_log).unwrap();
    let mut log = header();
    for event in events.iter().filter(|event| !event.digest.is_empty()) {
        let digest = unhex(&event.digest).try_into().unwrap();
        let payload = unhex(&event.event_payload);
        push(&mut log, event.imr + 1, event.event_type, &digest, &payload);
    }
    (Quote::from_bytes(&unhex(&fixture.quote)).unwrap(), log)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The first entry of a log that has SHA-384 digests.
fn header() -> Vec<u8> {
    let mut log = [1_u32.to_le_bytes(), 3_u32.to_le_bytes()].concat();
    log.extend_from_slice(&[0; 20]);
    let mut event = b"Spec ID Event03\0".to_vec();
    event.extend_from_slice(&[0, 0, 0, 0, 0, 2, 0, 2]);
    event.extend_from_slice(&1_u32.to_le_bytes());
    event.extend_from_slice(&[0x0c, 0, 48, 0, 0]);
    log.extend_from_slice(&u32::try_from(event.len()).unwrap().to_le_bytes());
    log.extend(event);
    log
}

fn push(log: &mut Vec<u8>, register: u32, kind: u32, digest: &[u8; 48], payload: &[u8]) {
    for number in [register, kind, 1] {
        log.extend_from_slice(&number.to_le_bytes());
    }
    log.extend_from_slice(&0xc_u16.to_le_bytes());
    log.extend_from_slice(digest);
    log.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    log.extend_from_slice(payload);
}

const DSTACK: [(&str, usize); 2] = [
    // Its entries for RTMR3 have no digests.
    ("dstack_2g_qemu822.json", 3),
    ("dstack_64g_qemu921.json", 4),
];

#[test]
fn the_logs_of_direct_kernel_boots_replay_to_their_quotes() {
    for (name, registers_count) in DSTACK {
        let (quote, log) = dstack(name);
        let registers = Measurements::from_quote(&quote);
        let replayed = EventLog::parse(&log).unwrap().replay();
        for (index, replayed) in replayed.into_iter().enumerate().take(registers_count) {
            assert_eq!(replayed, registers.rtmr(index), "{name} rtmr{index}");
        }
    }
}

/// What would have been predicted for a boot that was logged.
fn prediction_of(log: &EventLog, quoted: &Measurements) -> Prediction {
    let event = |entry: &LoggedEvent| Event {
        register: entry.register,
        event_type: entry.event_type,
        label: entry.text().into(),
        // The host's tables cannot be predicted.
        digest: (entry.event_type != event_type::PLATFORM_CONFIG_FLAGS).then_some(entry.digest),
    };
    let boot = log.events().iter();
    Prediction {
        mrtd: quoted.mrtd(),
        events: boot
            .filter(|entry| entry.register != Register::Rtmr3)
            .map(event)
            .collect(),
        rtmr1: quoted.rtmr1(),
        rtmr2: quoted.rtmr2(),
    }
}

#[test]
fn the_first_event_that_differs_is_named() {
    let (quote, log) = dstack("dstack_64g_qemu921.json");
    let quoted = Measurements::from_quote(&quote);
    let log = EventLog::parse(&log).unwrap();
    let right = prediction_of(&log, &quoted);
    let explanation = Explanation::of(&right, &quoted, Some(&log));
    assert!(explanation.is_as_predicted(), "{explanation}");
    assert_eq!(explanation.to_string(), "as predicted");

    // Another kernel: the first of RTMR1; and a longer log than predicted in RTMR2.
    let mut other = right.clone();
    let kernel = other
        .events
        .iter()
        .position(|event| event.register == Register::Rtmr1)
        .unwrap();
    other.events[kernel].digest = Some([7; 48]);
    other.events[kernel].label = "the kernel".into();
    let last = other
        .events
        .iter()
        .rposition(|event| event.register == Register::Rtmr2);
    other.events.remove(last.unwrap());
    let explanation = Explanation::of(&other, &quoted, Some(&log));
    let [kernel, initrd] = explanation.differences() else {
        panic!("{explanation}");
    };
    assert!(
        matches!(
            kernel,
            Difference::Event {
                register: Register::Rtmr1,
                index: 0,
                ..
            }
        ),
        "{kernel}"
    );
    assert!(
        matches!(
            initrd,
            Difference::Event {
                register: Register::Rtmr2,
                index: 1,
                predicted: None,
                logged: Some(_)
            }
        ),
        "{initrd}"
    );
    let text = explanation.to_string();
    assert!(
        text.contains("rtmr1, event 0: the first that differs"),
        "{text}"
    );
    assert!(
        text.contains("the kernel") && text.contains("Linux initrd"),
        "{text}"
    );
}

#[test]
fn a_log_of_another_boot_explains_nothing() {
    let (quote, _) = dstack("dstack_64g_qemu921.json");
    let (_, other) = dstack("dstack_2g_qemu822.json");
    let quoted = Measurements::from_quote(&quote);
    let other = EventLog::parse(&other).unwrap();
    let explanation = Explanation::of(&prediction_of(&other, &quoted), &quoted, Some(&other));
    assert!(
        explanation
            .differences()
            .iter()
            .all(|difference| matches!(difference, Difference::LogOfAnotherBoot { .. })),
        "{explanation}"
    );

    // Without a log only the register can be named.
    let mut prediction = prediction_of(&other, &quoted);
    prediction.rtmr2 = Measurement::ZERO;
    prediction.mrtd = Measurement::ZERO;
    let explanation = Explanation::of(&prediction, &quoted, None);
    let [
        Difference::Firmware { .. },
        Difference::Register { register, .. },
    ] = explanation.differences()
    else {
        panic!("{explanation}");
    };
    assert_eq!(*register, Register::Rtmr2);
}

#[test]
fn malformed_logs_are_errors() {
    let log = data("trustee_ccel_ovmf_pre202408.bin");
    let whole = EventLog::parse(&log).unwrap();
    let end = log.iter().rposition(|byte| *byte != 0xff).unwrap() + 1;
    assert_eq!(EventLog::parse(&log[..end]), Ok(whole.clone()));
    for length in 0..end {
        // Between two entries the log is merely shorter.
        if let Ok(shorter) = EventLog::parse(&log[..length]) {
            assert!(whole.events().starts_with(shorter.events()), "{length}");
        }
    }
    assert_eq!(
        EventLog::parse(b"no log at all, but rather a text"),
        Err(EventLogError::Truncated(32))
    );
    let bad = |register, digest_count: u32| {
        let mut log = header();
        for number in [register, 4, digest_count] {
            log.extend_from_slice(&number.to_le_bytes());
        }
        EventLog::parse(&log)
    };
    let offset = header().len();
    assert_eq!(bad(1, 99), Err(EventLogError::Algorithm { offset }));
    assert!(matches!(bad(1, 1), Err(EventLogError::Truncated(_))));
    let mut log = header();
    push(&mut log, 9, 4, &[1; 48], &[]);
    assert_eq!(
        EventLog::parse(&log),
        Err(EventLogError::Register {
            register: 9,
            offset
        })
    );
    assert_eq!(
        EventLog::parse(&vec![0; 5_000_000]),
        Err(EventLogError::TooLarge { bytes: 5_000_000 })
    );
}

#[test]
fn a_register_is_extended_by_one_event_after_the_other() {
    let [first, ..] = replay([(Register::Rtmr0, [1; 48])]);
    let [second, ..] = replay([(Register::Rtmr0, [1; 48]), (Register::Rtmr0, [2; 48])]);
    let [swapped, ..] = replay([(Register::Rtmr0, [2; 48]), (Register::Rtmr0, [1; 48])]);
    assert!(first != second && second != swapped && !first.is_zero());
}
