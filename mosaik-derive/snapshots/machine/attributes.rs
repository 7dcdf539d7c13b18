// id = "a"
// impl A {
//     #[deprecated(note = "use add2")]
//     #[inline]
//     #[command] fn add(&mut self) -> u64 { 0 }
// }

impl A {
    #[deprecated(note = "use add2")]
    #[inline]
    fn add(&mut self) -> u64 {
        0
    }
}
/// The commands of [`A`]: what changes it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum ACommand {
    Add,
}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for ACommand {
    const NAME: &'static str = "ACommand";
    const VARIANTS: &'static [&'static str] = &["add"];
    fn write<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_writer: ::mosaik::__private::machine::Writer<Self, __MosaikS>,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Add => __mosaik_writer.variant(0usize, &()),
        }
    }
    fn read<'de, __MosaikA: ::mosaik::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: ::mosaik::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> ::mosaik::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (): () = ::mosaik::__private::machine::fields(__mosaik_access)?;
                ::mosaik::__private::Ok(Self::Add)
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
impl ::mosaik::__private::Clone for ACommand {
    fn clone(&self) -> Self {
        match self {
            Self::Add => Self::Add,
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for ACommand {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match self {
            Self::Add => __mosaik_f.write_str("Add"),
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for ACommand {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for ACommand {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
/// The queries of [`A`]: what can be asked of it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum AQuery {}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for AQuery {
    const NAME: &'static str = "AQuery";
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
impl ::mosaik::__private::Clone for AQuery {
    fn clone(&self) -> Self {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for AQuery {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for AQuery {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for AQuery {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
/// The answers to the queries of [`A`].
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum AAnswer {}
#[automatically_derived]
impl ::mosaik::__private::machine::Message for AAnswer {
    const NAME: &'static str = "AAnswer";
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
impl ::mosaik::__private::Clone for AAnswer {
    fn clone(&self) -> Self {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::fmt::Debug for AAnswer {
    fn fmt(
        &self,
        __mosaik_f: &mut ::mosaik::__private::fmt::Formatter<'_>,
    ) -> ::mosaik::__private::fmt::Result {
        match *self {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::serde::Serialize for AAnswer {
    fn serialize<__MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> ::mosaik::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        ::mosaik::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> ::mosaik::__private::serde::Deserialize<'de> for AAnswer {
    fn deserialize<__MosaikD: ::mosaik::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> ::mosaik::__private::Result<Self, __MosaikD::Error> {
        ::mosaik::__private::machine::read(__mosaik_deserializer)
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl ::mosaik::__private::StateMachine for A
where
    for<'__mosaik> A: ::mosaik::__private::machine::State,
{
    type Command = ACommand;
    type Query = AQuery;
    type QueryResult = AAnswer;
    type StateSync = ::mosaik::__private::SnapshotSync<Self>;
    fn signature(&self) -> ::mosaik::__private::Digest {
        ::mosaik::__private::machine::keys::id(
            ::mosaik::__private::Digest::from_bytes([
                202u8, 151u8, 129u8, 18u8, 202u8, 27u8, 189u8, 202u8, 250u8, 194u8, 49u8,
                179u8, 154u8, 35u8, 220u8, 77u8, 167u8, 134u8, 239u8, 248u8, 20u8, 124u8,
                78u8, 114u8, 185u8, 128u8, 119u8, 133u8, 175u8, 238u8, 72u8, 187u8,
            ]),
        )
    }
    fn apply(
        &mut self,
        __mosaik_command: ACommand,
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
        __mosaik_command: ACommand,
        __mosaik_ctx: &dyn ::mosaik::__private::ApplyContext,
    ) -> ::mosaik::__private::Bytes {
        match __mosaik_command {
            ACommand::Add => ::mosaik::__private::machine::respond(&<A>::add(self)),
        }
    }
    fn query(&self, __mosaik_query: AQuery) -> AAnswer {
        match __mosaik_query {}
    }
    fn state_sync(&self) -> ::mosaik::__private::SnapshotSync<Self> {
        ::mosaik::__private::machine::sync()
    }
}
#[automatically_derived]
impl ::mosaik::__private::SnapshotMachine for A
where
    for<'__mosaik> A: ::mosaik::__private::machine::State,
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
/** The commands and queries of [`A`] as methods of its group.

 Bring it into scope to call them: `use …::AGroup;`.*/
#[allow(
    private_interfaces,
    private_bounds,
    unreachable_pub,
    unreachable_patterns,
    missing_docs,
    dead_code
)]
trait AGroup
where
    for<'__mosaik> A: ::mosaik::__private::machine::State,
{
    #[deprecated(note = "use add2")]
    fn add(&self) -> ::mosaik::__private::machine::Executing<A, u64>;
}
#[automatically_derived]
impl AGroup for ::mosaik::__private::Group<A>
where
    for<'__mosaik> A: ::mosaik::__private::machine::State,
{
    fn add(&self) -> ::mosaik::__private::machine::Executing<A, u64> {
        ::mosaik::__private::machine::execute(self, ACommand::Add)
    }
}
const _: () = {
    ::mosaik::__private::machine::state::<A>();
};
const _: () = {
    let _ = ::mosaik::__private::machine::keys::command;
};
