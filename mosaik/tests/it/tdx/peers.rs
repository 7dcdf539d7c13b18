//! Peers gated by what runs on them, as a simulated platform says it. Sockets: a verification takes real time.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use mosaik::{
    primitives::{Pretty, Short},
    tdx::{
        Measurement, Measurements, NetworkTdxError, ReplayFile, SimulatedPlatform, TdxRefusal,
        TdxTicket, TdxTicketError,
    },
    tickets::{Expiration, Tdx, Ticket, TicketValidator},
    *,
};

use crate::wait::{until, within};

/// Handshakes, verifications and refusals on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(60);

pub(super) const IMAGE: u8 = 1;
pub(super) const OTHER_IMAGE: u8 = 9;

fn register(byte: u8) -> Measurement {
    Measurement::new([byte; 48])
}

/// The registers of a guest whose file system is `image`.
fn registers(image: u8) -> Measurements {
    let rtmr = [register(0x10), register(0x11), register(image), register(0)];
    Measurements::new(register(0xf0), rtmr)
}

pub(super) fn guest(image: u8) -> SimulatedPlatform {
    SimulatedPlatform::new(registers(image))
}

/// Lets in the guests that run `IMAGE`.
pub(super) fn rule() -> Tdx {
    let registers = registers(IMAGE);
    Tdx::new()
        .require_mrtd(registers.mrtd())
        .require_rtmr1(registers.rtmr1())
        .require_rtmr2(registers.rtmr2())
        .danger_trust_simulated()
}

pub(super) async fn node(id: &str, platform: SimulatedPlatform) -> Network {
    let builder = Network::builder(id).loopback().with_tdx_provider(platform);
    builder.build().await.unwrap()
}

pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

/// Attempts are listed too, until they are refused.
fn is_served<D: Datum>(consumer: &streams::Consumer<D>) -> bool {
    consumer.producers().any(|channel| channel.is_connected())
}

/// Waits until the status of a producer names all of these reasons.
async fn refused<D: Datum>(producer: &streams::Producer<D>, reasons: &[&str]) {
    let are_told = || {
        let status = format!("{:?}", producer.status());
        reasons.iter().all(|reason| status.contains(reason))
    };
    soon("refusals are told", until(are_told)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_serves_the_guests_that_run_its_image_and_nobody_else() {
    let id = "tdx.gate";
    let host = Network::builder(id).loopback().build().await.unwrap();
    let mut producer = host
        .streams()
        .producer::<String>()
        .require_ticket(rule())
        .build()
        .unwrap();
    let right = node(id, guest(IMAGE)).await;
    let other = node(id, guest(OTHER_IMAGE)).await;
    let open = node(id, guest(IMAGE).debug()).await;
    let silent = node(id, guest(IMAGE)).await;
    for attested in [&right, &other, &open] {
        assert!(attested.tdx().available());
        attested.tdx().install_own_ticket().unwrap();
    }
    let mut consumers: Vec<_> = [&right, &other, &open, &silent]
        .map(|node| node.streams().consume::<String>())
        .into();
    soon("the right guest is in", consumers[0].when().subscribed()).await;
    refused(
        &producer,
        &["rtmr2 is 0909", "debug domain", "carries none"],
    )
    .await;

    soon("sent", producer.send("secret".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        soon("received", consumers[0].next()).await.as_deref(),
        Some("secret")
    );
    for (index, consumer) in consumers.iter_mut().enumerate().skip(1) {
        assert!(!is_served(consumer), "{index}");
        assert!(consumer.try_recv().is_err(), "{index}");
    }
    assert_eq!(producer.consumers().count(), 1);

    // Its ticket gone, so is its right.
    right.discovery().remove_tickets_of(Tdx::CLASS);
    soon("out", producer.when().unsubscribed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_answered_over_the_network() {
    let id = "tdx.challenge";
    let host = Network::builder(id).loopback().build().await.unwrap();
    let producer = host
        .streams()
        .producer::<String>()
        .require_ticket(rule().challenge())
        .build()
        .unwrap();
    let guest_node = node(id, guest(IMAGE)).await;
    guest_node.tdx().install_own_ticket().unwrap();

    // The same key, and a ticket that was made in the guest; but nobody there makes quotes any more.
    let thief = Network::builder(id).loopback().build().await.unwrap();
    let there = node(id, guest(IMAGE)).await;
    let stolen = there.tdx().ticket().unwrap();
    thief.discovery().add_ticket(stolen);

    let consumer = guest_node.streams().consume::<String>();
    let _other = thief.streams().consume::<String>();
    soon("answered", consumer.when().subscribed()).await;
    refused(&producer, &["the quote was made for peer"]).await;
    assert_eq!(producer.consumers().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_no_challenge_stays_out() {
    let id = "tdx.unanswered";
    let host = Network::builder(id).loopback().build().await.unwrap();
    let producer = host
        .streams()
        .producer::<String>()
        .require_ticket(rule().challenge())
        .build()
        .unwrap();
    let key = SecretKey::from_bytes(&[42; 32]);
    let started = Network::builder(id)
        .loopback()
        .with_secret_key(key.clone())
        .with_tdx_provider(guest(IMAGE))
        .build()
        .await
        .unwrap();
    let ticket = started.tdx().ticket().unwrap();
    started.shutdown(SOON).await.unwrap();
    // Somebody got hold of the guest's key and its ticket.
    let thief = Network::builder(id)
        .loopback()
        .with_secret_key(key)
        .build()
        .await
        .unwrap();
    thief.discovery().add_ticket(ticket);
    let consumer = thief.streams().consume::<String>();
    refused(&producer, &["not answered a challenge"]).await;
    assert!(!is_served(&consumer) && producer.consumers().count() == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_and_what_rules_say_of_them() {
    let network = node("tdx.tickets", guest(IMAGE)).await;
    let tdx = network.tdx();
    assert_eq!(tdx.measurements(), Ok(registers(IMAGE)));
    assert_eq!(tdx.mrtd(), Ok(register(0xf0)));
    assert_eq!(tdx.rtmr0(), Ok(register(0x10)));
    assert_eq!(tdx.rtmr1(), Ok(register(0x11)));
    assert_eq!(tdx.rtmr2(), Ok(register(IMAGE)));
    assert_eq!(tdx.rtmr3(), Ok(register(0)));
    assert_eq!(
        tdx.ticket_with_expiration(Expiration::already_expired())
            .unwrap_err(),
        NetworkTdxError::ExpirationInThePast
    );

    let ticket = tdx.ticket().unwrap();
    assert!(
        ticket.data().len() < 12_000,
        "{} bytes",
        ticket.data().len()
    );
    let me = network.discovery().me();
    let explain = |rule: Tdx, data: &[u8]| {
        let entry = me.clone().into_unsigned();
        let data = data.to_vec();
        // The answer is waited for where nothing else runs.
        std::thread::spawn(move || rule.explain(&data, &entry))
            .join()
            .unwrap()
    };
    let until = explain(rule(), ticket.data()).unwrap();
    assert!(until > Expiration::in_n_hours(23) && until <= Expiration::in_24h());

    let parsed = TdxTicket::try_from(ticket.clone()).unwrap();
    assert_eq!(parsed.peer_id(), &network.local().id());
    assert_eq!(parsed.network_id(), network.network_id());
    assert_eq!(parsed.measurements(), registers(IMAGE));
    assert_eq!(parsed.started_at(), &me.started_at());
    assert!(parsed.collateral().is_some());
    assert!(parsed.verify().is_err(), "Intel knows nothing of it");
    let pretty = format!("{:#?}", Pretty(&parsed));
    assert!(
        pretty.contains(&registers(IMAGE).mrtd().to_string()),
        "{pretty}"
    );
    assert!(!format!("{:?}", Short(&ticket)).is_empty());

    // The rule decides which platform it trusts, and that is part of its id.
    let intel = Tdx::from_image(registers(IMAGE));
    let refusal = explain(intel.clone(), ticket.data()).unwrap_err();
    assert!(matches!(refusal, TdxRefusal::NotProven(_)), "{refusal}");
    assert_ne!(
        intel.signature(),
        intel.danger_trust_simulated().signature()
    );

    // Nothing of what it says can be changed.
    for index in (0..ticket.data().len()).step_by(41) {
        let mut data = ticket.data().to_vec();
        data[index] ^= 0x10;
        if explain(rule(), &data).is_ok() {
            // How it is packed, and a root certificate that nobody needs to be sent, prove nothing either way.
            let other = TdxTicket::try_from(&data[..]).unwrap();
            assert_eq!(other.quote().body, parsed.quote().body, "bit {index}");
            assert_eq!(other.peer_id(), parsed.peer_id(), "bit {index}");
            assert_eq!(other.network_id(), parsed.network_id(), "bit {index}");
            assert_eq!(other.quoted_at(), parsed.quoted_at(), "bit {index}");
            assert_eq!(other.expiration(), parsed.expiration(), "bit {index}");
        }
    }
    let class = Ticket::new(id!("another class"), ticket.data.clone());
    assert_eq!(
        TdxTicket::try_from(class).unwrap_err(),
        TdxTicketError::InvalidTicketType
    );
    assert_eq!(Ticket::try_from(parsed), Ok(ticket));
}

#[tokio::test]
async fn a_task_never_waits_for_a_verification() {
    let network = node("tdx.pending", guest(IMAGE)).await;
    let ticket = network.tdx().ticket().unwrap();
    let me = network.discovery().me();
    let rule = rule();
    let now = chrono::Utc::now();
    let first = rule.judge(ticket.data(), &me, now).unwrap_err();
    assert!(first.reason().contains("is being verified"), "{first}");
    let again_at = first.judge_again_at().unwrap();
    assert!(again_at > now && again_at < now + chrono::Duration::seconds(1));
    let until = soon("proven", async {
        loop {
            match rule.judge(ticket.data(), &me, chrono::Utc::now()) {
                Ok(until) => return until,
                Err(rejection) => assert!(rejection.is_retryable(), "{rejection}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(until > Expiration::in_n_hours(23));
    // Known, it is answered at once, by every copy of the rule.
    assert_eq!(rule.clone().validate(ticket.data(), &me), Ok(until));
    let refused = Tdx::new()
        .require_mrtd(register(1))
        .judge(ticket.data(), &me, now);
    assert!(!refused.unwrap_err().is_retryable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_no_guest_says_so() {
    let network = Network::builder("tdx.none")
        .loopback()
        .build()
        .await
        .unwrap();
    if network.tdx().available() {
        return; // This machine is one.
    }
    assert_eq!(
        network.tdx().install_own_ticket(),
        Err(NetworkTdxError::TdxUnsupported)
    );
    assert_eq!(
        network.tdx().measurements(),
        Err(NetworkTdxError::TdxUnsupported)
    );
    assert_eq!(
        Tdx::new().require_own_image().unwrap_err(),
        NetworkTdxError::TdxUnsupported
    );

    // A quote of somebody else makes no ticket.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tdx/tdx_quote");
    let replaying = Network::builder("tdx.none")
        .loopback()
        .with_tdx_provider(ReplayFile::new(path))
        .build()
        .await
        .unwrap();
    assert!(replaying.tdx().available());
    assert_eq!(
        replaying.tdx().ticket().unwrap_err(),
        NetworkTdxError::TicketError(TdxTicketError::InvalidReportData)
    );
    assert!(
        replaying
            .tdx()
            .mrtd()
            .unwrap()
            .to_string()
            .starts_with("91eb2b44")
    );
}
