use super::*;
use crate::{groups::worker::batch::Piece as Parsed, runtime::Clock};

const PATIENCE: Patience = Patience {
    unsent: Duration::from_secs(1),
    sent: Duration::from_secs(4),
};

struct Case {
    client: Client,
    now: Instant,
}

impl Case {
    fn new() -> Self {
        Self {
            client: Client::new(7),
            now: Clock::system().now(),
        }
    }

    fn submit(&mut self, commands: &[&'static str]) -> oneshot::Receiver<Outcome> {
        let commands: Vec<Bytes> = commands.iter().map(|text| Bytes::from(*text)).collect();
        self.client.submit(&commands, self.now).expect("taken")
    }

    /// What is sent next: its first sequence number and its commands.
    fn sent(&mut self) -> Option<(Sending, Vec<String>)> {
        let sending = self.client.next_piece(self.now)?;
        let piece = Parsed::parse(&sending.bytes).unwrap();
        assert_eq!(
            (piece.session, piece.first_seq),
            (sending.session, sending.first_seq)
        );
        let commands = piece.commands();
        let commands = commands.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let commands = commands.collect();
        Some((sending, commands))
    }

    fn apply(&mut self, first_seq: u64, count: u64, first: u64) {
        self.apply_with(first_seq, count, first, Vec::new());
    }

    fn apply_with(&mut self, first_seq: u64, count: u64, first: u64, responses: Vec<Bytes>) {
        let run = Run {
            session: self.client.session(),
            first_seq,
            count,
            first: Index(first),
            term: Term(3),
            responses,
            failure: None,
        };
        self.client.applied(run).give();
    }
}

fn indices(receiver: &mut oneshot::Receiver<Outcome>) -> Option<(u64, u64)> {
    match receiver.try_recv() {
        Ok(Ok(applied)) => Some((applied.first.0, applied.last.0)),
        Ok(Err(failure)) => panic!("{failure:?}"),
        Err(oneshot::error::TryRecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    }
}

fn failure(receiver: &mut oneshot::Receiver<Outcome>) -> Failure {
    receiver.try_recv().expect("an outcome").unwrap_err()
}

#[test]
fn what_is_submitted_between_two_sendings_travels_together() {
    let mut case = Case::new();
    let mut a = case.submit(&["a"]);
    let mut bc = case.submit(&["b", "c"]);
    let (first, commands) = case.sent().unwrap();
    assert_eq!(
        (first.first_seq, commands.as_slice()),
        (1, &["a", "b", "c"].map(String::from)[..])
    );
    assert_eq!(case.sent(), None);
    let mut d = case.submit(&["d"]);
    assert_eq!(case.sent().unwrap().0.first_seq, 4);
    case.apply(1, 3, 11);
    assert_eq!(
        (indices(&mut a), indices(&mut bc)),
        (Some((11, 11)), Some((12, 13)))
    );
    assert_eq!(indices(&mut d), None);
    case.apply(4, 1, 20);
    assert_eq!(indices(&mut d), Some((20, 20)));
    assert!(case.client.is_idle());
    assert_eq!(case.client.waiting_bytes, 0);
    assert_eq!(case.client.next_at(case.now, PATIENCE), None);
}

#[test]
fn answers_find_their_callers() {
    let mut case = Case::new();
    let mut a = case.submit(&["a"]);
    let mut bc = case.submit(&["b", "c"]);
    let answers = ["1", "2", "3"].map(Bytes::from);
    case.apply_with(1, 2, 1, answers[..2].to_vec());
    assert_eq!(a.try_recv().unwrap().unwrap().responses, answers[..1]);
    // What was applied before is told again when a snapshot comes.
    case.apply_with(2, 2, 2, answers[1..].to_vec());
    let bc = bc.try_recv().unwrap().unwrap();
    assert_eq!(bc.responses, answers[1..]);
    assert_eq!((bc.first, bc.last, bc.term), (Index(2), Index(3), Term(3)));
}

#[test]
fn a_refused_piece_goes_out_again_with_all_behind_it() {
    let mut case = Case::new();
    case.submit(&["a"]);
    let (first, _) = case.sent().unwrap();
    case.submit(&["b"]);
    let (second, _) = case.sent().unwrap();
    let later = case.now + Duration::from_millis(10);
    case.client.refused(&first, later);
    assert_eq!(case.sent(), None, "not yet");
    assert_eq!(case.client.next_at(case.now, PATIENCE), Some(later));
    // Without a leader its time comes and goes: what is left to wait for is the end of patience.
    let fails_at = case.client.next_at(later, PATIENCE).unwrap();
    assert!(fails_at > later, "no time that is over already");
    case.now = later;
    assert_eq!(case.sent().unwrap().0, first);
    assert_eq!(case.sent().unwrap().0, second);
    case.client.send_all_again();
    assert_eq!(case.sent().unwrap().0, first);
}

#[test]
fn nothing_sent_is_certain() {
    let mut case = Case::new();
    let mut never = case.submit(&["a"]);
    case.now += PATIENCE.unsent;
    assert_eq!(case.client.next_at(case.now, PATIENCE), Some(case.now));
    case.client.expire(case.now, PATIENCE, 8).give();
    assert_eq!(failure(&mut never), Failure::NoQuorum);
    assert_eq!(case.client.session(), 8);

    let mut refused = case.submit(&["a"]);
    let (sending, _) = case.sent().unwrap();
    let mut behind = case.submit(&["b"]);
    case.sent().unwrap();
    case.client.refused(&sending, case.now);
    case.now += PATIENCE.unsent;
    case.client.expire(case.now, PATIENCE, 9).give();
    assert_eq!(failure(&mut refused), Failure::NoQuorum);
    assert_eq!(failure(&mut behind), Failure::NoQuorum, "behind a gap");
}

#[test]
fn what_may_have_been_applied_is_unknown() {
    let mut case = Case::new();
    let mut sent = case.submit(&["a"]);
    let (sending, _) = case.sent().unwrap();
    case.client.lost(&sending, case.now);
    case.sent().unwrap();
    let mut unsent = case.submit(&["b"]);
    case.now += PATIENCE.unsent;
    case.client.expire(case.now, PATIENCE, 8).give();
    assert!(sent.try_recv().is_err(), "still waiting");
    case.now += PATIENCE.sent;
    case.client.expire(case.now, PATIENCE, 8).give();
    assert_eq!(failure(&mut sent), Failure::Unknown);
    assert_eq!(failure(&mut unsent), Failure::NoQuorum);
    // What the old session did comes too late to matter.
    let mut next = case.submit(&["c"]);
    case.client
        .applied(Run {
            session: 7,
            first_seq: 1,
            count: 1,
            first: Index(1),
            term: Term(1),
            responses: Vec::new(),
            failure: None,
        })
        .give();
    assert!(next.try_recv().is_err());
    case.client.refused(&sending, case.now);
    assert_eq!(case.sent().unwrap().0.session, 8);
}

#[test]
fn limits() {
    let mut case = Case::new();
    let now = case.now;
    let huge = Bytes::from(vec![0; COMMAND_BYTES_MAX + 1]);
    let too_large = case.client.submit(&[Bytes::new(), huge], now).unwrap_err();
    let bytes = COMMAND_BYTES_MAX + 1;
    let limit = COMMAND_BYTES_MAX;
    assert_eq!(too_large, Failure::TooLarge { bytes, limit });
    assert_eq!(
        case.client.submit::<Bytes>(&[], now).unwrap_err(),
        Failure::NoCommands
    );
    let mebibyte = Bytes::from(vec![0; 1 << 20]);
    for _ in 0..256 {
        case.client
            .submit(std::slice::from_ref(&mebibyte), now)
            .unwrap();
    }
    let full = case
        .client
        .submit(&[Bytes::from_static(b"x")], now)
        .unwrap_err();
    let (waiting, waiting_bytes) = (256, 256 << 20);
    assert_eq!(
        full,
        Failure::QueueFull {
            waiting,
            waiting_bytes
        }
    );
    // Each travels alone, a few at a time.
    let sizes: Vec<usize> = std::iter::from_fn(|| case.client.next_piece(now))
        .map(|sending| sending.bytes.len() >> 20)
        .collect();
    assert_eq!(sizes, [1; PIECES_OUT_MAX]);
}

#[test]
fn commands_of_one_call_stay_together_when_they_fit() {
    let mut case = Case::new();
    let now = case.now;
    let part = Bytes::from(vec![1; 600 << 10]);
    case.client
        .submit(std::slice::from_ref(&part), now)
        .unwrap();
    let call = [part.slice(..300 << 10), part.slice(..300 << 10)];
    case.client.submit(&call, now).unwrap();
    let mut next = || case.client.next_piece(now).map(|sending| sending.first_seq);
    assert_eq!((next(), next(), next()), (Some(1), Some(2), None));
}
