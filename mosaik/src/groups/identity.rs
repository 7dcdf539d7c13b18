//! Who a replica is, which history it belongs to, and under which rule that history began.
//!
//! The consensus below knows no clusters: it takes any peer that speaks its protocol for a member. So a replica is
//! named by its peer's key *and* an incarnation that is new whenever its storage is, a history by a lineage that is
//! minted when it begins, and both are checked before a message reaches the consensus (see `lineage`).

use core::fmt;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::primitives::{Bytes, Digest, GroupId, PeerId, Short};

/// Founders of a lineage: its first voters. As many as there may ever be voters, with room for a setting of 7.
pub(crate) const FOUNDERS_MAX: usize = 7;

/// One storage of one peer.
///
/// A peer that lost its storage comes back as another replica: under its old name it could vote twice in a term, or
/// be taken for up to date with an empty log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ReplicaId {
    /// The bytes of the peer's key. Not a [`PeerId`], which is checked to be a point of the curve at each decoding.
    key: Digest,
    incarnation: u64,
}

impl ReplicaId {
    /// The replica of the peer with the key `key` whose storage was created with the random number `incarnation`.
    pub(crate) const fn new(key: [u8; 32], incarnation: u64) -> Self {
        Self {
            key: Digest::from_bytes(key),
            incarnation,
        }
    }

    /// As [`ReplicaId::new`], of a peer.
    pub(crate) fn of(peer: &PeerId, incarnation: u64) -> Self {
        Self::new(*peer.as_bytes(), incarnation)
    }

    /// The bytes of the peer's key.
    pub(crate) const fn key(&self) -> Digest {
        self.key
    }

    /// Tells apart the storages that the peer has had.
    pub(crate) const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The peer; `None` if the bytes are not a key, which only a wrong message can bring about.
    pub(crate) fn peer(&self) -> Option<PeerId> {
        PeerId::from_bytes(self.key.as_bytes()).ok()
    }

    /// Whether this is a replica of `peer`.
    pub(crate) fn is_of(&self, peer: &PeerId) -> bool {
        self.key.as_bytes() == peer.as_bytes()
    }

    /// The same peer with a storage that has never held anything. Incarnations are random 64-bit numbers to begin
    /// with, so the next one is as new as another draw.
    #[must_use]
    pub(crate) const fn renewed(&self) -> Self {
        Self {
            key: self.key,
            incarnation: self.incarnation.wrapping_add(1),
        }
    }

    /// The place in the queue of those who may found `group`, lowest first. It differs from group to group, so that
    /// one peer does not found them all.
    pub(crate) fn rank(&self, group: &GroupId) -> Digest {
        Digest::from_parts(&[
            &group.as_bytes()[..],
            self.key.as_bytes(),
            &self.incarnation.to_be_bytes(),
        ])
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}", Short(self.key), self.incarnation)
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a history. Names order by the time at which the history began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Bytes", try_from = "Bytes")]
pub(crate) struct LineageId([u8; LineageId::LENGTH]);

impl LineageId {
    const LENGTH: usize = 16;

    /// A name for a history that begins at `utc_ms` with `founder`: a version 7 UUID.
    ///
    /// The random part comes from the founder's incarnation, and from `attempt`, which no two lineages that one
    /// founder mints may share.
    pub(crate) fn mint(utc_ms: u64, founder: &ReplicaId, attempt: u64) -> Self {
        let random = Digest::from_parts(&[
            &founder.key.as_bytes()[..],
            &founder.incarnation.to_be_bytes(),
            &attempt.to_be_bytes(),
        ]);
        let mut bytes = [0; Self::LENGTH];
        bytes[..6].copy_from_slice(&utc_ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random.as_bytes()[..10]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    /// The 16 bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<LineageId> for Bytes {
    fn from(id: LineageId) -> Self {
        Self::copy_from_slice(&id.0)
    }
}

impl TryFrom<Bytes> for LineageId {
    type Error = &'static str;

    fn try_from(bytes: Bytes) -> Result<Self, &'static str> {
        let bytes = bytes[..].try_into();
        bytes.map(Self).map_err(|_| "a lineage is 16 bytes")
    }
}

impl From<[u8; 16]> for LineageId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for LineageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LineageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A history of a group: no message of one ever reaches a member of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Lineage {
    /// Minted when the history began.
    pub(crate) id: LineageId,
    /// Raised when a history is continued without the majority of its voters.
    pub(crate) epoch: u32,
}

impl Lineage {
    /// A history that begins.
    pub(crate) const fn first(id: LineageId) -> Self {
        Self { id, epoch: 0 }
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.epoch)
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A history and the rule by which it was founded: what a replica has to know before it becomes part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The history.
    pub(crate) lineage: Lineage,
    /// How it was founded.
    pub(crate) rule: Rule,
}

/// The first voters of a lineage: at least one, at most [`FOUNDERS_MAX`], no two of one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<ReplicaId>")]
pub(crate) struct Founders(BTreeSet<ReplicaId>);

impl Founders {
    /// One that founds alone.
    pub(crate) fn alone(founder: ReplicaId) -> Self {
        Self(BTreeSet::from([founder]))
    }

    /// The replicas.
    pub(crate) const fn as_set(&self) -> &BTreeSet<ReplicaId> {
        &self.0
    }

    /// Whether the replica is one of them.
    pub(crate) fn contains(&self, replica: &ReplicaId) -> bool {
        self.0.contains(replica)
    }

    /// All but one.
    pub(crate) fn others(&self, me: ReplicaId) -> impl Iterator<Item = ReplicaId> {
        self.0.iter().copied().filter(move |replica| *replica != me)
    }

    /// Whether a lineage of this rule may have these founders.
    pub(crate) fn satisfy(&self, rule: &Rule) -> bool {
        rule.founder_count()
            .is_none_or(|count| count == self.0.len())
            && self.0.iter().all(|founder| rule.allows(&founder.key()))
    }
}

impl TryFrom<BTreeSet<ReplicaId>> for Founders {
    type Error = FormationError;

    fn try_from(founders: BTreeSet<ReplicaId>) -> Result<Self, FormationError> {
        let mut keys = founders.iter().map(ReplicaId::key);
        let mut previous = keys.next().ok_or(FormationError::NoFounders)?;
        for key in keys {
            if key == previous {
                return Err(FormationError::FoundsTwice);
            }
            previous = key;
        }
        match founders.len() {
            count if count > FOUNDERS_MAX => Err(FormationError::TooManyFounders { count }),
            _ => Ok(Self(founders)),
        }
    }
}

/// How a group comes into being when none of its members knows of it yet.
///
/// `Auto` works alone and at once; two islands that have never met may both accept writes, until they meet. `Expect`
/// and `Founders` are linearizable from the first write; all founders must be up once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Formation {
    /// Peers that know each other found together; a lone one founds as soon as discovery has settled, and those that it
    /// knows have said that they do not offer the group.
    #[default]
    Auto,
    /// Exactly this many peers found together, once.
    Expect(usize),
    /// Exactly these peers found together, once; others join them.
    Founders(Vec<PeerId>),
    /// Never founds: joins a group that others founded.
    JoinOnly,
    /// Founds alone and at once: for an operator.
    Now,
}

/// Why a [`Formation`] is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormationError {
    /// A group without founders never begins.
    #[error("a group needs at least one founder")]
    NoFounders,
    /// All founders are voters, and each write waits for a majority of them.
    #[error("{count} founders, at most {FOUNDERS_MAX} are allowed")]
    TooManyFounders {
        /// How many were asked for.
        count: usize,
    },
    /// One peer with two votes would be a majority of its own.
    #[error("a peer is listed as a founder twice")]
    FoundsTwice,
}

impl FormationError {
    /// Whether the same call may succeed later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl Formation {
    /// The rule that lineages founded this way carry for ever.
    ///
    /// # Errors
    ///
    /// [`FormationError`] when there are no founders or too many.
    pub(crate) fn rule(&self) -> Result<Rule, FormationError> {
        let rule = match self {
            Self::Auto | Self::JoinOnly | Self::Now => Rule::Auto,
            Self::Expect(count) => Rule::Expect(u8::try_from(*count).unwrap_or(u8::MAX)),
            Self::Founders(peers) => Rule::Founders(
                peers
                    .iter()
                    .map(|peer| Digest::from_bytes(*peer.as_bytes()))
                    .collect(),
            ),
        };
        rule.check()?;
        Ok(rule)
    }
}

/// The rule by which a lineage was founded, or would be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedRule")]
pub(crate) enum Rule {
    /// Whoever is there.
    Auto,
    /// Exactly so many.
    Expect(u8),
    /// Exactly the peers with these keys.
    Founders(BTreeSet<Digest>),
}

/// A rule as it comes from a peer.
#[derive(Deserialize)]
#[serde(rename = "Rule")]
enum UncheckedRule {
    Auto,
    Expect(u8),
    Founders(BTreeSet<Digest>),
}

impl TryFrom<UncheckedRule> for Rule {
    type Error = FormationError;

    fn try_from(rule: UncheckedRule) -> Result<Self, FormationError> {
        let rule = match rule {
            UncheckedRule::Auto => Self::Auto,
            UncheckedRule::Expect(count) => Self::Expect(count),
            UncheckedRule::Founders(keys) => Self::Founders(keys),
        };
        rule.check()?;
        Ok(rule)
    }
}

impl Rule {
    fn check(&self) -> Result<(), FormationError> {
        match self.founder_count() {
            Some(0) => Err(FormationError::NoFounders),
            Some(count) if count > FOUNDERS_MAX => Err(FormationError::TooManyFounders { count }),
            _ => Ok(()),
        }
    }

    /// How many founders there must be; `None` for as many as there are.
    pub(crate) fn founder_count(&self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::Expect(count) => Some(usize::from(*count)),
            Self::Founders(keys) => Some(keys.len()),
        }
    }

    /// Whether the rule lets the peer with this key be a founder.
    pub(crate) fn allows(&self, key: &Digest) -> bool {
        match self {
            Self::Auto | Self::Expect(_) => true,
            Self::Founders(keys) => keys.contains(key),
        }
    }

    /// Whether who asks for this rule can live with a lineage that was founded under `born`: not with one that
    /// promises less, else one peer with a wrong setting would void the promise for all.
    pub(crate) fn accepts(&self, born: &Self) -> bool {
        match (self, born) {
            (Self::Auto, _) => true,
            (Self::Expect(wanted), Self::Expect(born)) => born >= wanted,
            (Self::Expect(_), Self::Founders(_)) => true,
            (Self::Founders(wanted), Self::Founders(born)) => born == wanted,
            (Self::Expect(_) | Self::Founders(_), _) => false,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Expect(count) => write!(f, "expect {count}"),
            Self::Founders(keys) => write!(f, "{} named founders", keys.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{decode, encode};
    use proptest::prelude::*;

    fn replica(number: u8, incarnation: u64) -> ReplicaId {
        ReplicaId::new(Digest::from_u8(number).into(), incarnation)
    }

    #[test]
    fn a_replica_is_a_key_and_an_incarnation() {
        let peer = PeerId::from_bytes(&[
            0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b,
            0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1,
            0x2a, 0xf4, 0x66, 0x0c,
        ])
        .unwrap();
        let id = ReplicaId::of(&peer, 7);
        assert!(id.is_of(&peer));
        assert_eq!(id.peer(), Some(peer));
        assert_eq!(
            (id.renewed().key(), id.renewed().incarnation()),
            (id.key(), 8)
        );
        assert_eq!(replica(1, u64::MAX).renewed(), replica(1, 0));
        assert_eq!(id.to_string(), "3d4017c3e8/0000000000000007");
        let off_the_curve = |byte| ReplicaId::new([byte; 32], 1);
        assert!((0..20).any(|byte| off_the_curve(byte).peer().is_none()));
    }

    #[test]
    fn ranks_depend_on_the_group() {
        let replicas = [replica(1, 1), replica(2, 1), replica(3, 1)];
        let lowest = |group: u8| {
            let group = Digest::from_u8(group);
            replicas
                .iter()
                .min_by_key(|replica| replica.rank(&group))
                .copied()
        };
        let founders: BTreeSet<_> = (0..30).map(lowest).collect();
        assert_eq!(founders.len(), 3);
        assert_ne!(
            replicas[0].rank(&Digest::zero()),
            replicas[0].renewed().rank(&Digest::zero())
        );
    }

    #[test]
    fn lineages_order_by_age() {
        let founder = replica(9, 9);
        let old = LineageId::mint(1_000, &founder, 5);
        let young = LineageId::mint(1_001, &replica(1, 1), 0);
        assert!(old < young);
        assert_ne!(LineageId::mint(1_000, &founder, 6), old);
        assert_ne!(LineageId::mint(1_000, &founder.renewed(), 5), old);
        assert_eq!(LineageId::mint(1_000, &founder, 5), old);
        assert!(Lineage { id: old, epoch: 3 } < Lineage::first(young));
        assert_eq!(&old.to_string()[..12], "0000000003e8");
        assert_eq!(&old.to_string()[12..13], "7");
    }

    #[test]
    fn who_can_live_with_what() {
        let named =
            |keys: &[u8]| Rule::Founders(keys.iter().map(|key| Digest::from_u8(*key)).collect());
        let table = [
            (Rule::Auto, Rule::Auto, true),
            (Rule::Auto, Rule::Expect(3), true),
            (Rule::Auto, named(&[1]), true),
            (Rule::Expect(3), Rule::Auto, false),
            (Rule::Expect(3), Rule::Expect(2), false),
            (Rule::Expect(3), Rule::Expect(3), true),
            (Rule::Expect(3), Rule::Expect(5), true),
            (Rule::Expect(3), named(&[1, 2, 3]), true),
            (named(&[1, 2]), Rule::Auto, false),
            (named(&[1, 2]), Rule::Expect(5), false),
            (named(&[1, 2]), named(&[1, 2]), true),
            (named(&[1, 2]), named(&[1, 3]), false),
        ];
        for (wanted, born, expected) in table {
            assert_eq!(wanted.accepts(&born), expected, "{wanted} meets {born}");
        }
        assert!(Rule::Auto.allows(&Digest::zero()));
        assert!(
            named(&[1]).allows(&Digest::from_u8(1)) && !named(&[1]).allows(&Digest::from_u8(2))
        );
    }

    #[test]
    fn formations_without_founders_or_with_too_many_are_none() {
        let table = [
            (Formation::Auto, Ok(Rule::Auto)),
            (Formation::Now, Ok(Rule::Auto)),
            (Formation::JoinOnly, Ok(Rule::Auto)),
            (Formation::Expect(1), Ok(Rule::Expect(1))),
            (Formation::Expect(7), Ok(Rule::Expect(7))),
            (Formation::Expect(0), Err(FormationError::NoFounders)),
            (
                Formation::Expect(8),
                Err(FormationError::TooManyFounders { count: 8 }),
            ),
            (
                Formation::Founders(Vec::new()),
                Err(FormationError::NoFounders),
            ),
        ];
        for (formation, expected) in table {
            assert_eq!(formation.rule(), expected, "{formation:?}");
        }
    }

    #[test]
    fn golden_bytes() {
        let mut expected = vec![0x92, 0xc4, 32];
        expected.extend_from_slice(Digest::from_u8(1).as_bytes());
        expected.push(7);
        assert_eq!(encode(&replica(1, 7)).unwrap(), expected);
        let lineage = Lineage {
            id: LineageId([1; 16]),
            epoch: 2,
        };
        let bytes = encode(&lineage).unwrap();
        assert_eq!(bytes[..4], [0x92, 0xc4, 16, 1]);
        assert!(decode::<LineageId>(&[0xc4, 1, 0]).is_err());
        assert_eq!(decode::<Lineage>(&bytes).unwrap(), lineage);
    }

    #[test]
    fn founders_are_few_and_of_different_peers() {
        let set = |replicas: &[(u8, u64)]| -> BTreeSet<ReplicaId> {
            replicas
                .iter()
                .map(|(key, incarnation)| replica(*key, *incarnation))
                .collect()
        };
        assert_eq!(
            Founders::try_from(set(&[])),
            Err(FormationError::NoFounders)
        );
        assert_eq!(
            Founders::try_from(set(&[(1, 1), (2, 1), (1, 2)])),
            Err(FormationError::FoundsTwice)
        );
        let eight: Vec<_> = (0..8).map(|key| (key, 1)).collect();
        assert_eq!(
            Founders::try_from(set(&eight)),
            Err(FormationError::TooManyFounders { count: 8 })
        );
        let two = Founders::try_from(set(&[(1, 1), (2, 1)])).unwrap();
        assert_eq!(
            two.others(replica(1, 1)).collect::<Vec<_>>(),
            [replica(2, 1)]
        );
        assert!(
            two.satisfy(&Rule::Auto)
                && two.satisfy(&Rule::Expect(2))
                && !two.satisfy(&Rule::Expect(3))
        );
        let named = Rule::Founders([Digest::from_u8(1), Digest::from_u8(3)].into());
        assert!(!two.satisfy(&named));
        assert_eq!(decode::<Founders>(&encode(&two).unwrap()).unwrap(), two);
        assert!(decode::<Founders>(&encode(&set(&eight)).unwrap()).is_err());
    }

    #[test]
    fn a_rule_beyond_its_bounds_is_not_decoded() {
        let decoded = |rule: &Rule| decode::<Rule>(&encode(rule).unwrap());
        for rule in [
            Rule::Auto,
            Rule::Expect(5),
            Rule::Founders([Digest::zero()].into()),
        ] {
            assert_eq!(decoded(&rule).unwrap(), rule);
        }
        assert!(decoded(&Rule::Expect(0)).is_err());
        assert!(decoded(&Rule::Expect(8)).is_err());
        assert!(decoded(&Rule::Founders((0..8).map(Digest::from_u8).collect())).is_err());
        assert!(decoded(&Rule::Founders(BTreeSet::new())).is_err());
    }

    proptest! {
        #[test]
        fn a_rule_accepts_itself_and_acceptance_is_transitive(a in rule(), b in rule(), c in rule()) {
            prop_assert!(a.accepts(&a));
            if a.accepts(&b) && b.accepts(&c) {
                prop_assert!(a.accepts(&c));
            }
        }
    }

    fn rule() -> impl Strategy<Value = Rule> {
        prop_oneof![
            Just(Rule::Auto),
            (1u8..=7).prop_map(Rule::Expect),
            (0u8..3).prop_map(|key| Rule::Founders([Digest::from_u8(key)].into())),
        ]
    }
}
