// id = "bank.v1"
// impl Bank {
//     /// Adds to an account, and returns what is in it then.
//     #[command] pub fn deposit(&mut self, who: String, amount: u64) -> u64 { 0 }
//     #[command] pub fn transfer(&mut self, from: String, to: String, amount: u64) -> Result<(), Insufficient> { Ok(()) }
//     #[command] pub(crate) fn clear(&mut self) {}
//     /// What is in an account.
//     #[query] pub fn balance(&self, who: String) -> Option<u64> { None }
//     #[query] fn total(&self) -> u64 { 0 }
//     fn helper(&self) {}
// }

impl Bank {
    /// Adds to an account, and returns what is in it then.
    pub fn deposit(&mut self, who: String, amount: u64) -> u64 {
        0
    }
    pub fn transfer(
        &mut self,
        from: String,
        to: String,
        amount: u64,
    ) -> Result<(), Insufficient> {
        Ok(())
    }
    pub(crate) fn clear(&mut self) {}
    /// What is in an account.
    pub fn balance(&self, who: String) -> Option<u64> {
        None
    }
    fn total(&self) -> u64 {
        0
    }
    fn helper(&self) {}
}
/// The commands of [`Bank`]: what changes it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum BankCommand {
    /// Adds to an account, and returns what is in it then.
    Deposit { who: String, amount: u64 },
    Transfer { from: String, to: String, amount: u64 },
    Clear,
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for BankCommand {
    const NAME: &'static str = "BankCommand";
    const VARIANTS: &'static [&'static str] = &["deposit", "transfer", "clear"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Deposit { who: __mosaik_0, amount: __mosaik_1 } => {
                __mosaik_writer.variant(0usize, &(__mosaik_0, __mosaik_1))
            }
            Self::Transfer { from: __mosaik_0, to: __mosaik_1, amount: __mosaik_2 } => {
                __mosaik_writer.variant(1usize, &(__mosaik_0, __mosaik_1, __mosaik_2))
            }
            Self::Clear => __mosaik_writer.variant(2usize, &()),
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0, __mosaik_1): (String, u64) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Deposit {
                    who: __mosaik_0,
                    amount: __mosaik_1,
                })
            }
            1usize => {
                let (__mosaik_0, __mosaik_1, __mosaik_2): (String, String, u64) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Transfer {
                    from: __mosaik_0,
                    to: __mosaik_1,
                    amount: __mosaik_2,
                })
            }
            2usize => {
                let (): () = ::mosaik::__private::machine::fields(__mosaik_access)?;
                ::mosaik::__private::Ok(Self::Clear)
            }
            _ => {
                ::mosaik::__private::machine::unknown::<
                    Self,
                    __MosaikA::Error,
                >(__mosaik_variant)
            }
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::Clone for BankCommand {
    fn clone(&self) -> Self {
        match self {
            Self::Deposit { who: __mosaik_0, amount: __mosaik_1 } => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                let __mosaik_1 = ::mosaik::__private::Clone::clone(__mosaik_1);
                Self::Deposit {
                    who: __mosaik_0,
                    amount: __mosaik_1,
                }
            }
            Self::Transfer { from: __mosaik_0, to: __mosaik_1, amount: __mosaik_2 } => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                let __mosaik_1 = ::mosaik::__private::Clone::clone(__mosaik_1);
                let __mosaik_2 = ::mosaik::__private::Clone::clone(__mosaik_2);
                Self::Transfer {
                    from: __mosaik_0,
                    to: __mosaik_1,
                    amount: __mosaik_2,
                }
            }
            Self::Clear => Self::Clear,
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for BankCommand {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match self {
            Self::Deposit { .. } => __mosaik_f.write_str("Deposit"),
            Self::Transfer { .. } => __mosaik_f.write_str("Transfer"),
            Self::Clear => __mosaik_f.write_str("Clear"),
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for BankCommand {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for BankCommand {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
/// The queries of [`Bank`]: what can be asked of it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum BankQuery {
    /// What is in an account.
    Balance { who: String },
    Total,
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for BankQuery {
    const NAME: &'static str = "BankQuery";
    const VARIANTS: &'static [&'static str] = &["balance", "total"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Balance { who: __mosaik_0 } => {
                __mosaik_writer.variant(0usize, &(__mosaik_0,))
            }
            Self::Total => __mosaik_writer.variant(1usize, &()),
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0,): (String,) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Balance { who: __mosaik_0 })
            }
            1usize => {
                let (): () = ::mosaik::__private::machine::fields(__mosaik_access)?;
                ::mosaik::__private::Ok(Self::Total)
            }
            _ => {
                ::mosaik::__private::machine::unknown::<
                    Self,
                    __MosaikA::Error,
                >(__mosaik_variant)
            }
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::Clone for BankQuery {
    fn clone(&self) -> Self {
        match self {
            Self::Balance { who: __mosaik_0 } => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                Self::Balance { who: __mosaik_0 }
            }
            Self::Total => Self::Total,
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for BankQuery {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match self {
            Self::Balance { .. } => __mosaik_f.write_str("Balance"),
            Self::Total => __mosaik_f.write_str("Total"),
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for BankQuery {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for BankQuery {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
/// The answers to the queries of [`Bank`].
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum BankAnswer {
    /// What is in an account.
    Balance(Option<u64>),
    Total(u64),
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for BankAnswer {
    const NAME: &'static str = "BankAnswer";
    const VARIANTS: &'static [&'static str] = &["balance", "total"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Balance(__mosaik_0) => __mosaik_writer.variant(0usize, &(__mosaik_0,)),
            Self::Total(__mosaik_0) => __mosaik_writer.variant(1usize, &(__mosaik_0,)),
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0,): (Option<u64>,) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Balance(__mosaik_0))
            }
            1usize => {
                let (__mosaik_0,): (u64,) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Total(__mosaik_0))
            }
            _ => {
                ::mosaik::__private::machine::unknown::<
                    Self,
                    __MosaikA::Error,
                >(__mosaik_variant)
            }
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::Clone for BankAnswer {
    fn clone(&self) -> Self {
        match self {
            Self::Balance(__mosaik_0) => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                Self::Balance(__mosaik_0)
            }
            Self::Total(__mosaik_0) => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                Self::Total(__mosaik_0)
            }
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for BankAnswer {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match self {
            Self::Balance(..) => __mosaik_f.write_str("Balance"),
            Self::Total(..) => __mosaik_f.write_str("Total"),
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for BankAnswer {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for BankAnswer {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::mosaik::__private::StateMachine for Bank
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
    for<'__mosaik> Result<(), Insufficient>: ::mosaik::__private::machine::Returned,
{
    type Command = BankCommand;
    type Query = BankQuery;
    type QueryResult = BankAnswer;
    type StateSync = ::mosaik::__private::SnapshotSync<Self>;
    fn signature(&self) -> ::mosaik::__private::Digest {
        ::mosaik::__private::machine::keys::id(
            ::mosaik::__private::Digest::from_bytes([
                111u8, 136u8, 37u8, 121u8, 89u8, 166u8, 29u8, 250u8, 130u8, 125u8, 152u8,
                206u8, 205u8, 112u8, 107u8, 94u8, 137u8, 235u8, 197u8, 174u8, 188u8,
                100u8, 0u8, 21u8, 239u8, 129u8, 18u8, 178u8, 103u8, 104u8, 130u8, 187u8,
            ]),
        )
    }
    fn apply(
        &mut self,
        __mosaik_command: BankCommand,
        __mosaik_ctx: &dyn ::mosaik::__private::ApplyContext,
    ) {
        ::mosaik::__private::StateMachine::apply_with_response(
            self,
            __mosaik_command,
            __mosaik_ctx,
        );
    }
    fn apply_with_response(
        &mut self,
        __mosaik_command: BankCommand,
        __mosaik_ctx: &dyn ::mosaik::__private::ApplyContext,
    ) -> ::mosaik::__private::Bytes {
        match __mosaik_command {
            BankCommand::Deposit { who: __mosaik_0, amount: __mosaik_1 } => {
                ::mosaik::__private::machine::respond(
                    &<Bank>::deposit(self, __mosaik_0, __mosaik_1),
                )
            }
            BankCommand::Transfer {
                from: __mosaik_0,
                to: __mosaik_1,
                amount: __mosaik_2,
            } => {
                ::mosaik::__private::machine::respond(
                    &<Bank>::transfer(self, __mosaik_0, __mosaik_1, __mosaik_2),
                )
            }
            BankCommand::Clear => {
                ::mosaik::__private::machine::respond(&<Bank>::clear(self))
            }
        }
    }
    fn query(&self, __mosaik_query: BankQuery) -> BankAnswer {
        match __mosaik_query {
            BankQuery::Balance { who: __mosaik_0 } => {
                BankAnswer::Balance(<Bank>::balance(self, __mosaik_0))
            }
            BankQuery::Total => BankAnswer::Total(<Bank>::total(self)),
        }
    }
    fn state_sync(&self) -> ::mosaik::__private::SnapshotSync<Self> {
        ::mosaik::__private::machine::sync()
    }
}
#[automatically_derived]
impl ::mosaik::__private::SnapshotMachine for Bank
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
    for<'__mosaik> Result<(), Insufficient>: ::mosaik::__private::machine::Returned,
{
    type Checkpoint = ::mosaik::__private::machine::Snapshot;
    fn checkpoint(&self) -> ::mosaik::__private::machine::Snapshot {
        ::mosaik::__private::machine::checkpoint(self)
    }
    fn restore(
        &mut self,
        __mosaik_chunks: &mut dyn ::mosaik::__private::Iterator<
            Item = ::mosaik::__private::Bytes,
        >,
    ) -> ::mosaik::__private::Result<(), ::mosaik::__private::RestoreError> {
        ::mosaik::__private::machine::restore(self, __mosaik_chunks)
    }
}
/** The commands and queries of [`Bank`] as methods of its group.

 Bring it into scope to call them: `use …::BankGroup;`.*/
#[allow(
    private_interfaces,
    private_bounds,
    unreachable_pub,
    unreachable_patterns,
    missing_docs,
    dead_code
)]
pub trait BankGroup
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
    for<'__mosaik> Result<(), Insufficient>: ::mosaik::__private::machine::Returned,
{
    /// Adds to an account, and returns what is in it then.
    fn deposit(
        &self,
        who: String,
        amount: u64,
    ) -> ::mosaik::__private::machine::Executing<Bank, u64>;
    fn transfer(
        &self,
        from: String,
        to: String,
        amount: u64,
    ) -> ::mosaik::__private::machine::Executing<Bank, Result<(), Insufficient>>;
    fn clear(&self) -> ::mosaik::__private::machine::Executing<Bank, ()>;
    /// What is in an account.
    fn balance(
        &self,
        who: String,
    ) -> ::mosaik::__private::machine::Asking<'_, Bank, Option<u64>>;
    fn total(&self) -> ::mosaik::__private::machine::Asking<'_, Bank, u64>;
}
#[automatically_derived]
impl BankGroup for ::mosaik::__private::Group<Bank>
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
    for<'__mosaik> Result<(), Insufficient>: ::mosaik::__private::machine::Returned,
{
    fn deposit(
        &self,
        who: String,
        amount: u64,
    ) -> ::mosaik::__private::machine::Executing<Bank, u64> {
        ::mosaik::__private::machine::execute(
            self,
            BankCommand::Deposit {
                who,
                amount,
            },
        )
    }
    fn transfer(
        &self,
        from: String,
        to: String,
        amount: u64,
    ) -> ::mosaik::__private::machine::Executing<Bank, Result<(), Insufficient>> {
        ::mosaik::__private::machine::execute(
            self,
            BankCommand::Transfer {
                from,
                to,
                amount,
            },
        )
    }
    fn clear(&self) -> ::mosaik::__private::machine::Executing<Bank, ()> {
        ::mosaik::__private::machine::execute(self, BankCommand::Clear)
    }
    fn balance(
        &self,
        who: String,
    ) -> ::mosaik::__private::machine::Asking<'_, Bank, Option<u64>> {
        ::mosaik::__private::machine::ask(
            self,
            BankQuery::Balance { who },
            |__mosaik_answer| match __mosaik_answer {
                BankAnswer::Balance(__mosaik_taken) => {
                    ::mosaik::__private::Some(__mosaik_taken)
                }
                _ => ::mosaik::__private::None,
            },
        )
    }
    fn total(&self) -> ::mosaik::__private::machine::Asking<'_, Bank, u64> {
        ::mosaik::__private::machine::ask(
            self,
            BankQuery::Total,
            |__mosaik_answer| match __mosaik_answer {
                BankAnswer::Total(__mosaik_taken) => {
                    ::mosaik::__private::Some(__mosaik_taken)
                }
                _ => ::mosaik::__private::None,
            },
        )
    }
}
const _: () = {
    ::mosaik::__private::machine::state::<Bank>();
    ::mosaik::__private::machine::returned::<Result<(), Insufficient>>();
};
const _: () = {
    let _ = ::mosaik::__private::machine::keys::command;
    let _ = ::mosaik::__private::machine::keys::command;
    let _ = ::mosaik::__private::machine::keys::command;
    let _ = ::mosaik::__private::machine::keys::query;
    let _ = ::mosaik::__private::machine::keys::query;
};
