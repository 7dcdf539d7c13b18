// id = "bank"
// impl Bank {
//     #[command] fn deposit(&mut self, amount: u64) -> u64 { 0 }
//     #[query] fn balance(&self) -> u64 { 0 }
// }

impl Bank {
    fn deposit(&mut self, amount: u64) -> u64 {
        0
    }
    fn balance(&self) -> u64 {
        0
    }
}
/// The commands of [`Bank`]: what changes it.
#[expect(
    private_interfaces,
    unreachable_pub,
    missing_docs,
    reason = "the declaration decides whether this fires"
)]
pub enum BankCommand {
    Deposit { amount: u64 },
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for BankCommand {
    const NAME: &'static str = "BankCommand";
    const VARIANTS: &'static [&'static str] = &["deposit"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Deposit { amount: __mosaik_0 } => {
                __mosaik_writer.variant(0usize, &(__mosaik_0,))
            }
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0,): (u64,) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Deposit {
                    amount: __mosaik_0,
                })
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
            Self::Deposit { amount: __mosaik_0 } => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                Self::Deposit {
                    amount: __mosaik_0,
                }
            }
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
#[expect(
    private_interfaces,
    unreachable_pub,
    missing_docs,
    reason = "the declaration decides whether this fires"
)]
pub enum BankQuery {
    Balance,
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for BankQuery {
    const NAME: &'static str = "BankQuery";
    const VARIANTS: &'static [&'static str] = &["balance"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Balance => __mosaik_writer.variant(0usize, &()),
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (): () = ::mosaik::__private::machine::fields(__mosaik_access)?;
                ::mosaik::__private::Ok(Self::Balance)
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
            Self::Balance => Self::Balance,
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
            Self::Balance => __mosaik_f.write_str("Balance"),
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
#[expect(
    private_interfaces,
    unreachable_pub,
    missing_docs,
    reason = "the declaration decides whether this fires"
)]
pub enum BankAnswer {
    Balance(u64),
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for BankAnswer {
    const NAME: &'static str = "BankAnswer";
    const VARIANTS: &'static [&'static str] = &["balance"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Balance(__mosaik_0) => __mosaik_writer.variant(0usize, &(__mosaik_0,)),
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0,): (u64,) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Balance(__mosaik_0))
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
#[expect(deprecated, reason = "the declaration decides whether this fires")]
impl ::mosaik::__private::StateMachine for Bank
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
{
    type Command = BankCommand;
    type Query = BankQuery;
    type QueryResult = BankAnswer;
    type StateSync = ::mosaik::__private::SnapshotSync<Self>;
    fn signature(&self) -> ::mosaik::__private::Digest {
        ::mosaik::__private::machine::keys::id(
            ::mosaik::__private::Digest::from_bytes([
                67u8, 129u8, 220u8, 42u8, 177u8, 66u8, 133u8, 22u8, 12u8, 128u8, 134u8,
                89u8, 174u8, 224u8, 5u8, 213u8, 18u8, 85u8, 173u8, 215u8, 38u8, 75u8,
                49u8, 141u8, 7u8, 199u8, 65u8, 114u8, 146u8, 199u8, 68u8, 44u8,
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
            BankCommand::Deposit { amount: __mosaik_0 } => {
                ::mosaik::__private::machine::respond(&<Bank>::deposit(self, __mosaik_0))
            }
        }
    }
    fn query(&self, __mosaik_query: BankQuery) -> BankAnswer {
        match __mosaik_query {
            BankQuery::Balance => BankAnswer::Balance(<Bank>::balance(self)),
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
#[expect(
    private_interfaces,
    private_bounds,
    unreachable_pub,
    unreachable_patterns,
    missing_docs,
    dead_code,
    reason = "the declaration decides whether this fires"
)]
trait BankGroup
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
{
    fn deposit(&self, amount: u64) -> ::mosaik::__private::machine::Executing<Bank, u64>;
    fn balance(&self) -> ::mosaik::__private::machine::Asking<'_, Bank, u64>;
}
#[automatically_derived]
impl BankGroup for ::mosaik::__private::Group<Bank>
where
    for<'__mosaik> Bank: ::mosaik::__private::machine::State,
{
    fn deposit(
        &self,
        amount: u64,
    ) -> ::mosaik::__private::machine::Executing<Bank, u64> {
        ::mosaik::__private::machine::execute(self, BankCommand::Deposit { amount })
    }
    fn balance(&self) -> ::mosaik::__private::machine::Asking<'_, Bank, u64> {
        ::mosaik::__private::machine::ask(
            self,
            BankQuery::Balance,
            |__mosaik_answer| match __mosaik_answer {
                BankAnswer::Balance(__mosaik_taken) => {
                    ::mosaik::__private::Some(__mosaik_taken)
                }
                _ => ::mosaik::__private::None,
            },
        )
    }
}
const _: () = {
    ::mosaik::__private::machine::state::<Bank>();
};
const _: () = {
    let _ = ::mosaik::__private::machine::keys::command;
    let _ = ::mosaik::__private::machine::keys::query;
};
