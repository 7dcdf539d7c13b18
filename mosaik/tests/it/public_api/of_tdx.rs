//! Names and signatures of attestation, as programs written for it use them.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use mosaik::{
    primitives::{Pretty, Short},
    tdx::{
        IntoMeasurement, Measurement, Measurements, MeasurementsCriteria, NetworkTdxError, Quote,
        TICKET_CLASS, Tdx, TdxTicket, TdxTicketError,
    },
    tickets::{Expiration, InvalidTicket, Ticket, TicketValidator},
    *,
};

use super::{is_error, is_thread_safe};

const HEX: &str = "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7";

#[test]
fn types_have_their_traits() {
    is_thread_safe::<Tdx>();
    is_thread_safe::<TdxTicket>();
    is_error::<NetworkTdxError>();
    is_error::<TdxTicketError>();
    fn is_value<T: Clone + Eq + std::hash::Hash + std::fmt::Debug>() {}
    is_value::<Measurement>();
    is_value::<Measurements>();
    is_value::<MeasurementsCriteria>();
    fn is_quote<T: Eq + std::fmt::Debug>() {}
    is_quote::<Quote>();
    fn is_ticket<T>()
    where
        T: Eq + std::fmt::Debug + TryFrom<Ticket, Error = TdxTicketError>,
        T: for<'a> TryFrom<&'a [u8], Error = TdxTicketError>,
        Ticket: TryFrom<T, Error = TdxTicketError>,
    {
    }
    is_ticket::<TdxTicket>();
    fn is_same<T>(_: fn() -> T, _: fn() -> T) {}
    is_same::<tickets::Tdx>(Tdx::new, tee::tdx::Tdx::empty);
}

#[test]
fn measurements() {
    const KNOWN: Measurement = Measurement::hex(HEX);
    assert_eq!(KNOWN.to_string(), HEX);
    assert_eq!(format!("{KNOWN:?}"), format!("Measurement({HEX})"));
    assert_eq!(Measurement::from_str(&HEX.to_uppercase()).unwrap(), KNOWN);
    assert!(Measurement::from_str("91eb").is_err());
    assert_eq!(Measurement::new(*KNOWN.as_bytes()), KNOWN);
    assert_eq!(Measurement::from([1; 48]), Measurement::new([1; 48]));
    fn same(it: impl IntoMeasurement) -> bool {
        it.into_measurement() == KNOWN
    }
    assert!(same(HEX) && same(KNOWN) && same(*KNOWN.as_bytes()));

    const CRITERIA: MeasurementsCriteria = MeasurementsCriteria::new()
        .require_mrtd(KNOWN)
        .require_rtmr0(KNOWN)
        .require_rtmr1(KNOWN)
        .require_rtmr2(KNOWN)
        .require_rtmr3(KNOWN);
    assert_eq!(CRITERIA.mrtd, Some(KNOWN));
    assert_eq!(CRITERIA.rtmr, [Some(KNOWN); 4]);
    assert_eq!(MeasurementsCriteria::new(), MeasurementsCriteria::default());
    assert_ne!(
        CRITERIA.signature(),
        MeasurementsCriteria::new().signature()
    );
}

#[test]
fn a_rule_as_programs_write_it() {
    let variant = MeasurementsCriteria::new().require_rtmr2(Measurement::hex(HEX));
    let rule = Tdx::new()
        .require_mrtd(HEX)
        .require_rtmr0([0_u8; 48])
        .require_rtmr1(Measurement::hex(HEX))
        .require_rtmr2(HEX)
        .require_rtmr3(HEX)
        .allow_variant(variant.clone())
        .max_age(Duration::from_secs(60))
        .not_before(DateTime::<Utc>::UNIX_EPOCH)
        .max_lifetime(Duration::from_secs(3600));
    assert_eq!((Tdx::CLASS, rule.class()), (TICKET_CLASS, TICKET_CLASS));
    assert_eq!(TICKET_CLASS, id!("mosaik.tee.tdx.ticket.v1"));
    assert_ne!(rule.signature(), Tdx::baseline(variant).signature());
    assert_eq!(
        GroupKey::from(&rule),
        GroupKey::from(rule.clone().signature())
    );
    let _ = Tdx::default();
    // This machine is no guest.
    let _: Result<Tdx, NetworkTdxError> = Tdx::from_local();
    let _: [Result<Tdx, NetworkTdxError>; 5] = [
        Tdx::new().require_own_mrtd(),
        Tdx::new().require_own_rtmr0(),
        Tdx::new().require_own_rtmr1(),
        Tdx::new().require_own_rtmr2(),
        Tdx::new().require_own_rtmr3(),
    ];
}

#[tokio::test]
async fn a_network_tells_of_its_guest() {
    let network = Network::builder(NetworkId::random())
        .loopback()
        .build()
        .await
        .unwrap();
    let tdx = network.tdx();
    if tdx.available() {
        return;
    }
    let _: Result<Ticket, NetworkTdxError> = tdx.ticket();
    let _: Result<Ticket, NetworkTdxError> = tdx.ticket_with_expiration(Expiration::Never);
    let _: Result<(), NetworkTdxError> = tdx.install_own_ticket();
    let _: Result<Measurements, NetworkTdxError> = tdx.measurements();
    let _: [Result<Measurement, NetworkTdxError>; 5] = [
        tdx.mrtd(),
        tdx.rtmr0(),
        tdx.rtmr1(),
        tdx.rtmr2(),
        tdx.rtmr3(),
    ];
    let me = network.discovery().me();
    let verdict: Result<Expiration, InvalidTicket> = Tdx::new().validate(b"no ticket", &me);
    verdict.unwrap_err();
}

/// What the example prints of a peer's ticket; only compiled, since quotes come from hardware.
#[expect(dead_code, reason = "what is shown is that it compiles")]
fn a_ticket_as_programs_show_it(ticket: &Ticket, tdx_ticket: &TdxTicket) -> String {
    let quote: &Quote = tdx_ticket.quote();
    let measured: Measurements = tdx_ticket.measurements();
    let _: [Measurement; 3] = [measured.mrtd(), measured.rtmr(3), measured.rtmr0()];
    let _: Measurements = Measurements::from_quote(quote);
    let _ = (Measurements::from(quote), Measurements::local());
    let _: MeasurementsCriteria = MeasurementsCriteria::from(&measured);
    let _: [[u8; 48]; 2] = [quote.mrtd(), quote.rtmr0()];
    let _: [u8; 64] = quote.report_input_data();
    let _: (&[u8], &PeerId, &NetworkId) = (
        tdx_ticket.quote_bytes(),
        tdx_ticket.peer_id(),
        tdx_ticket.network_id(),
    );
    let _: [&DateTime<Utc>; 2] = [tdx_ticket.started_at(), tdx_ticket.quoted_at()];
    let _: (Duration, &Expiration) = (tdx_ticket.uptime(), tdx_ticket.expiration());
    let is_genuine = tdx_ticket.quote().verify().is_ok();
    format!("{:?} {:#?} {is_genuine}", Short(ticket), Pretty(tdx_ticket))
}
