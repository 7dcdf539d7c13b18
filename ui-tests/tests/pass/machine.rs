//! A machine with everything that one can have, driven without a network.

use mosaik::groups::{
    ApplyContext, Checkpoint, Cursor, Group, Index, SnapshotMachine, StateMachine, Term,
};
use mosaik::{Datum, GroupId, NetworkId, UniqueId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insufficient {
    missing: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bank {
    accounts: BTreeMap<String, u64>,
    last: u64,
}

#[mosaik::state_machine(id = "bank.v1")]
impl Bank {
    /// Unmarked items stay what they are.
    pub const EMPTY: Self = Self {
        accounts: BTreeMap::new(),
        last: 0,
    };

    /// Returns what is in the account then.
    #[command]
    pub fn deposit(&mut self, who: String, amount: u64) -> u64 {
        let account = self.account(who);
        *account += amount;
        *account
    }

    #[command]
    pub fn withdraw(&mut self, mut who: String, amount: u64) -> Result<u64, Insufficient> {
        who.make_ascii_lowercase();
        let account = self.account(who);
        *account = account.checked_sub(amount).ok_or(Insufficient {
            missing: amount - *account,
        })?;
        Ok(*account)
    }

    #[command]
    #[deprecated(note = "say `deposit`")]
    pub fn touch(&mut self) {}

    #[command]
    #[expect(clippy::needless_arbitrary_self_type, reason = "users may write it so")]
    fn note(self: &mut Self, by: u64, ctx: &dyn ApplyContext, r#type: Option<Self>) -> (u64, bool) {
        self.last = ctx.random() + by;
        (ctx.index().0, r#type.is_some())
    }

    #[query]
    pub fn balance(&self, who: String) -> Option<u64> {
        self.accounts.get(&who).copied()
    }

    #[query]
    pub fn all(&self) -> Self {
        self.clone()
    }

    fn account(&mut self, who: String) -> &mut u64 {
        self.accounts.entry(who).or_default()
    }
}

struct At(u64, GroupId);

impl ApplyContext for At {
    fn committed(&self) -> Cursor {
        Cursor::new(Term(1), Index(self.0 - 1))
    }
    fn log_position(&self) -> Cursor {
        Cursor::new(Term(1), Index(self.0))
    }
    fn current_term(&self) -> Term {
        Term(1)
    }
    fn group_id(&self) -> &GroupId {
        &self.1
    }
    fn network_id(&self) -> &NetworkId {
        &self.1
    }
}

fn apply<R: Datum>(bank: &mut Bank, index: u64, command: BankCommand) -> R {
    let sent = BankCommand::decode(&command.encode().expect("a command has an encoding"))
        .expect("and can be read");
    let returned = bank.apply_with_response(sent, &At(index, GroupId::from("x")));
    R::decode(&returned).expect("a result can be read")
}

#[test]
fn commands_return_what_their_methods_return() {
    let mut bank = Bank::EMPTY;
    let (who, amount) = ("ann".to_owned(), 5);
    let deposit = BankCommand::Deposit {
        who: who.clone(),
        amount,
    };
    assert_eq!(apply::<u64>(&mut bank, 1, deposit.clone()), 5);
    assert_eq!(apply::<u64>(&mut bank, 2, deposit), 10);
    let withdraw = BankCommand::Withdraw {
        who: "ANN".to_owned(),
        amount: 11,
    };
    assert_eq!(
        apply::<Result<u64, Insufficient>>(&mut bank, 3, withdraw),
        Err(Insufficient { missing: 1 })
    );
    apply::<()>(&mut bank, 4, BankCommand::Touch);
    let note = BankCommand::Note {
        by: 7,
        r#type: Some(bank.clone()),
    };
    assert_eq!(format!("{note:?}"), "Note");
    assert_eq!(apply::<(u64, bool)>(&mut bank, 5, note), (5, true));
    match bank.query(BankQuery::Balance { who }) {
        BankAnswer::Balance(balance) => assert_eq!(balance, Some(10)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn encodings_are_names_and_arguments() {
    let deposit = BankCommand::Deposit {
        who: "a".to_owned(),
        amount: 5,
    };
    assert_eq!(
        deposit.encode().unwrap(),
        b"\x81\xa7deposit\x92\xa1a\x05"[..]
    );
    assert_eq!(
        BankCommand::Touch.encode().unwrap(),
        b"\x81\xa5touch\xc0"[..]
    );
    assert_eq!(BankQuery::All.encode().unwrap(), b"\x81\xa3all\xc0"[..]);
    assert!(BankCommand::decode(b"\x81\xa3all\xc0").is_err());
}

#[test]
fn snapshots_are_the_state() {
    let mut bank = Bank::EMPTY;
    let touched = BankCommand::Deposit {
        who: "bob".to_owned(),
        amount: 3,
    };
    apply::<u64>(&mut bank, 1, touched);
    let mut checkpoint = bank.checkpoint();
    let mut chunks = std::iter::from_fn(|| checkpoint.next_chunk());
    let mut restored = Bank::EMPTY;
    restored.restore(&mut chunks).unwrap();
    assert_eq!(restored, bank);
}

#[test]
fn identities() {
    assert_eq!(Bank::EMPTY.signature(), UniqueId::from("bank.v1"));
    assert_eq!(
        by_type::Bank.signature(),
        by_type_elsewhere::Bank.signature()
    );
    assert_eq!(computed::Log.signature(), computed::ID);
}

fn spawnable<T: Send + Sync + 'static>(value: T) -> T {
    value
}

/// In another module, with the trait in scope.
mod elsewhere {
    use super::{Bank, BankGroup, Group, spawnable};
    use std::error::Error;

    pub async fn calls(bank: &Group<Bank>) -> Result<u64, Box<dyn Error>> {
        let deposited = spawnable(bank.deposit("ann".into(), 5));
        let (left, index) = bank.withdraw("ann".into(), 3).with_index().await?;
        let balance: Option<u64> = bank.balance("ann".into()).await?;
        let weak: Option<u64> = bank.balance("ann".into()).weak().await?;
        let (all, at) = bank.all().with_index().await?;
        let later = spawnable(bank.all().into_future());
        let known = index <= at && later.await? == all;
        let sum: u64 =
            deposited.await? + left.unwrap_or_default() + balance.or(weak).unwrap_or_default();
        Ok(sum + u64::from(known))
    }
}

/// Without an id: the name of the type, wherever it lives.
mod by_type {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Bank;

    #[mosaik::state_machine]
    impl Bank {
        #[command]
        fn nothing(&mut self) {}
    }
}

mod by_type_elsewhere {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Bank;

    #[mosaik::state_machine()]
    impl self::Bank {
        #[command]
        pub(crate) fn nothing(&mut self) {}
    }
}

/// An id that is computed, and a machine in a function.
mod computed {
    pub const ID: mosaik::UniqueId = mosaik::unique_id!("log");

    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Log;

    #[mosaik::state_machine(id = self::ID)]
    impl Log {
        #[command]
        pub fn write(&mut self, line: String) -> usize {
            line.len()
        }
    }

    pub fn inside() -> mosaik::UniqueId {
        #[derive(Default, serde::Serialize, serde::Deserialize)]
        struct Counter<T>(T);

        #[mosaik::state_machine(id = "counter", crate = mosaik,)]
        impl Counter<u64> {
            #[command]
            fn add(&mut self, by: u64) {
                self.0 += by;
            }
        }
        mosaik::groups::StateMachine::signature(&Counter(0))
    }
}
