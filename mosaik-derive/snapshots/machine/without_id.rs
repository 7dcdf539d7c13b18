//
// impl state::Counter<u64> {
//     #[command] fn add(&mut self, by: i64) { }
// }

impl state::Counter<u64> {
    fn add(&mut self, by: i64) {}
}
/// The commands of [`Counter`]: what changes it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum CounterCommand {
    Add { by: i64 },
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for CounterCommand {
    const NAME: &'static str = "CounterCommand";
    const VARIANTS: &'static [&'static str] = &["add"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Add { by: __mosaik_0 } => {
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
                let (__mosaik_0,): (i64,) = ::mosaik::__private::machine::fields(
                    __mosaik_access,
                )?;
                ::mosaik::__private::Ok(Self::Add { by: __mosaik_0 })
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
impl ::mosaik::__private::Clone for CounterCommand {
    fn clone(&self) -> Self {
        match self {
            Self::Add { by: __mosaik_0 } => {
                let __mosaik_0 = ::mosaik::__private::Clone::clone(__mosaik_0);
                Self::Add { by: __mosaik_0 }
            }
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for CounterCommand {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match self {
            Self::Add { .. } => __mosaik_f.write_str("Add"),
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for CounterCommand {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for CounterCommand {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
/// The queries of [`Counter`]: what can be asked of it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum CounterQuery {}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for CounterQuery {
    const NAME: &'static str = "CounterQuery";
    const VARIANTS: &'static [&'static str] = &[];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match *self {}
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
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
impl ::mosaik::__private::Clone for CounterQuery {
    fn clone(&self) -> Self {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for CounterQuery {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for CounterQuery {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for CounterQuery {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
/// The answers to the queries of [`Counter`].
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum CounterAnswer {}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for CounterAnswer {
    const NAME: &'static str = "CounterAnswer";
    const VARIANTS: &'static [&'static str] = &[];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match *self {}
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
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
impl ::mosaik::__private::Clone for CounterAnswer {
    fn clone(&self) -> Self {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for CounterAnswer {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for CounterAnswer {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for CounterAnswer {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::mosaik::__private::StateMachine for state::Counter<u64>
where
    for<'__mosaik> state::Counter<u64>: ::mosaik::__private::machine::State,
{
    type Command = CounterCommand;
    type Query = CounterQuery;
    type QueryResult = CounterAnswer;
    type StateSync = ::mosaik::__private::SnapshotSync<Self>;
    fn signature(&self) -> ::mosaik::__private::Digest {
        ::mosaik::__private::machine::identity::<Self>()
    }
    fn apply(
        &mut self,
        __mosaik_command: CounterCommand,
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
        __mosaik_command: CounterCommand,
        __mosaik_ctx: &dyn ::mosaik::__private::ApplyContext,
    ) -> ::mosaik::__private::Bytes {
        match __mosaik_command {
            CounterCommand::Add { by: __mosaik_0 } => {
                ::mosaik::__private::machine::respond(
                    &<state::Counter<u64>>::add(self, __mosaik_0),
                )
            }
        }
    }
    fn query(&self, __mosaik_query: CounterQuery) -> CounterAnswer {
        match __mosaik_query {}
    }
    fn state_sync(&self) -> ::mosaik::__private::SnapshotSync<Self> {
        ::mosaik::__private::machine::sync()
    }
}
#[automatically_derived]
impl ::mosaik::__private::SnapshotMachine for state::Counter<u64>
where
    for<'__mosaik> state::Counter<u64>: ::mosaik::__private::machine::State,
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
/** The commands and queries of [`Counter`] as methods of its group.

 Bring it into scope to call them: `use …::CounterGroup;`.*/
#[allow(
    private_interfaces,
    private_bounds,
    unreachable_pub,
    unreachable_patterns,
    missing_docs,
    dead_code
)]
trait CounterGroup
where
    for<'__mosaik> state::Counter<u64>: ::mosaik::__private::machine::State,
{
    fn add(
        &self,
        by: i64,
    ) -> ::mosaik::__private::machine::Executing<state::Counter<u64>, ()>;
}
#[automatically_derived]
impl CounterGroup for ::mosaik::__private::Group<state::Counter<u64>>
where
    for<'__mosaik> state::Counter<u64>: ::mosaik::__private::machine::State,
{
    fn add(
        &self,
        by: i64,
    ) -> ::mosaik::__private::machine::Executing<state::Counter<u64>, ()> {
        ::mosaik::__private::machine::execute(self, CounterCommand::Add { by })
    }
}
const _: () = {
    ::mosaik::__private::machine::state::<state::Counter<u64>>();
};
const _: () = {
    let _ = ::mosaik::__private::machine::keys::command;
};
