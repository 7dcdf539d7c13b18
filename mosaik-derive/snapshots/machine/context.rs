// id = ID, crate = mesh
// impl Log {
//     #[command] fn write(&mut self, ctx: &dyn ApplyContext, mut line: String, r#type: u8) -> Self { self.clone() }
//     #[query] fn lines(&self, like: Option<Self>) -> Vec<Self> { Vec::new() }
// }

impl Log {
    fn write(&mut self, ctx: &dyn ApplyContext, mut line: String, r#type: u8) -> Self {
        self.clone()
    }
    fn lines(&self, like: Option<Self>) -> Vec<Self> {
        Vec::new()
    }
}
/// The commands of [`Log`]: what changes it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum LogCommand {
    Write { line: String, r#type: u8 },
}
#[automatically_derived]
impl mesh::__private::machine::Message for LogCommand {
    const NAME: &'static str = "LogCommand";
    const VARIANTS: &'static [&'static str] = &["write"];
    fn write<__MosaikS: mesh::__private::serde::Serializer>(
        &self,
        __mosaik_writer: mesh::__private::machine::Writer<Self, __MosaikS>,
    ) -> mesh::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Write { line: __mosaik_0, r#type: __mosaik_1 } => {
                __mosaik_writer.variant(0usize, &(__mosaik_0, __mosaik_1))
            }
        }
    }
    fn read<'de, __MosaikA: mesh::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: mesh::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> mesh::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0, __mosaik_1): (String, u8) = mesh::__private::machine::fields(
                    __mosaik_access,
                )?;
                mesh::__private::Ok(Self::Write {
                    line: __mosaik_0,
                    r#type: __mosaik_1,
                })
            }
            _ => {
                mesh::__private::machine::unknown::<
                    Self,
                    __MosaikA::Error,
                >(__mosaik_variant)
            }
        }
    }
}
#[automatically_derived]
impl mesh::__private::Clone for LogCommand {
    fn clone(&self) -> Self {
        match self {
            Self::Write { line: __mosaik_0, r#type: __mosaik_1 } => {
                let __mosaik_0 = mesh::__private::Clone::clone(__mosaik_0);
                let __mosaik_1 = mesh::__private::Clone::clone(__mosaik_1);
                Self::Write {
                    line: __mosaik_0,
                    r#type: __mosaik_1,
                }
            }
        }
    }
}
#[automatically_derived]
impl mesh::__private::fmt::Debug for LogCommand {
    fn fmt(
        &self,
        __mosaik_f: &mut mesh::__private::fmt::Formatter<'_>,
    ) -> mesh::__private::fmt::Result {
        match self {
            Self::Write { .. } => __mosaik_f.write_str("Write"),
        }
    }
}
#[automatically_derived]
impl mesh::__private::serde::Serialize for LogCommand {
    fn serialize<__MosaikS: mesh::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> mesh::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        mesh::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> mesh::__private::serde::Deserialize<'de> for LogCommand {
    fn deserialize<__MosaikD: mesh::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> mesh::__private::Result<Self, __MosaikD::Error> {
        mesh::__private::machine::read(__mosaik_deserializer)
    }
}
/// The queries of [`Log`]: what can be asked of it.
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum LogQuery {
    Lines { like: Option<Log> },
}
#[automatically_derived]
impl mesh::__private::machine::Message for LogQuery
where
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
{
    const NAME: &'static str = "LogQuery";
    const VARIANTS: &'static [&'static str] = &["lines"];
    fn write<__MosaikS: mesh::__private::serde::Serializer>(
        &self,
        __mosaik_writer: mesh::__private::machine::Writer<Self, __MosaikS>,
    ) -> mesh::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Lines { like: __mosaik_0 } => {
                __mosaik_writer.variant(0usize, &(__mosaik_0,))
            }
        }
    }
    fn read<'de, __MosaikA: mesh::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: mesh::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> mesh::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0,): (Option<Log>,) = mesh::__private::machine::fields(
                    __mosaik_access,
                )?;
                mesh::__private::Ok(Self::Lines { like: __mosaik_0 })
            }
            _ => {
                mesh::__private::machine::unknown::<
                    Self,
                    __MosaikA::Error,
                >(__mosaik_variant)
            }
        }
    }
}
#[automatically_derived]
impl mesh::__private::Clone for LogQuery
where
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
{
    fn clone(&self) -> Self {
        match self {
            Self::Lines { like: __mosaik_0 } => {
                let __mosaik_0 = mesh::__private::Clone::clone(__mosaik_0);
                Self::Lines { like: __mosaik_0 }
            }
        }
    }
}
#[automatically_derived]
impl mesh::__private::fmt::Debug for LogQuery {
    fn fmt(
        &self,
        __mosaik_f: &mut mesh::__private::fmt::Formatter<'_>,
    ) -> mesh::__private::fmt::Result {
        match self {
            Self::Lines { .. } => __mosaik_f.write_str("Lines"),
        }
    }
}
#[automatically_derived]
impl mesh::__private::serde::Serialize for LogQuery
where
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
{
    fn serialize<__MosaikS: mesh::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> mesh::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        mesh::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> mesh::__private::serde::Deserialize<'de> for LogQuery
where
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
{
    fn deserialize<__MosaikD: mesh::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> mesh::__private::Result<Self, __MosaikD::Error> {
        mesh::__private::machine::read(__mosaik_deserializer)
    }
}
/// The answers to the queries of [`Log`].
#[allow(private_interfaces, unreachable_pub, missing_docs)]
pub enum LogAnswer {
    Lines(Vec<Log>),
}
#[automatically_derived]
impl mesh::__private::machine::Message for LogAnswer
where
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    const NAME: &'static str = "LogAnswer";
    const VARIANTS: &'static [&'static str] = &["lines"];
    fn write<__MosaikS: mesh::__private::serde::Serializer>(
        &self,
        __mosaik_writer: mesh::__private::machine::Writer<Self, __MosaikS>,
    ) -> mesh::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        match self {
            Self::Lines(__mosaik_0) => __mosaik_writer.variant(0usize, &(__mosaik_0,)),
        }
    }
    fn read<'de, __MosaikA: mesh::__private::serde::de::VariantAccess<'de>>(
        __mosaik_variant: mesh::__private::machine::Variant,
        __mosaik_access: __MosaikA,
    ) -> mesh::__private::Result<Self, __MosaikA::Error> {
        match __mosaik_variant.index {
            0usize => {
                let (__mosaik_0,): (Vec<Log>,) = mesh::__private::machine::fields(
                    __mosaik_access,
                )?;
                mesh::__private::Ok(Self::Lines(__mosaik_0))
            }
            _ => {
                mesh::__private::machine::unknown::<
                    Self,
                    __MosaikA::Error,
                >(__mosaik_variant)
            }
        }
    }
}
#[automatically_derived]
impl mesh::__private::Clone for LogAnswer
where
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    fn clone(&self) -> Self {
        match self {
            Self::Lines(__mosaik_0) => {
                let __mosaik_0 = mesh::__private::Clone::clone(__mosaik_0);
                Self::Lines(__mosaik_0)
            }
        }
    }
}
#[automatically_derived]
impl mesh::__private::fmt::Debug for LogAnswer {
    fn fmt(
        &self,
        __mosaik_f: &mut mesh::__private::fmt::Formatter<'_>,
    ) -> mesh::__private::fmt::Result {
        match self {
            Self::Lines(..) => __mosaik_f.write_str("Lines"),
        }
    }
}
#[automatically_derived]
impl mesh::__private::serde::Serialize for LogAnswer
where
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    fn serialize<__MosaikS: mesh::__private::serde::Serializer>(
        &self,
        __mosaik_serializer: __MosaikS,
    ) -> mesh::__private::Result<__MosaikS::Ok, __MosaikS::Error> {
        mesh::__private::machine::write(self, __mosaik_serializer)
    }
}
#[automatically_derived]
impl<'de> mesh::__private::serde::Deserialize<'de> for LogAnswer
where
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    fn deserialize<__MosaikD: mesh::__private::serde::Deserializer<'de>>(
        __mosaik_deserializer: __MosaikD,
    ) -> mesh::__private::Result<Self, __MosaikD::Error> {
        mesh::__private::machine::read(__mosaik_deserializer)
    }
}
#[automatically_derived]
#[allow(deprecated)]
impl mesh::__private::StateMachine for Log
where
    for<'__mosaik> Log: mesh::__private::machine::State,
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
    for<'__mosaik> Log: mesh::__private::machine::Returned,
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    type Command = LogCommand;
    type Query = LogQuery;
    type QueryResult = LogAnswer;
    type StateSync = mesh::__private::SnapshotSync<Self>;
    fn signature(&self) -> mesh::__private::Digest {
        mesh::__private::machine::keys::id(ID)
    }
    fn apply(
        &mut self,
        __mosaik_command: LogCommand,
        __mosaik_ctx: &dyn mesh::__private::ApplyContext,
    ) {
        mesh::__private::StateMachine::apply_with_response(
            self,
            __mosaik_command,
            __mosaik_ctx,
        );
    }
    fn apply_with_response(
        &mut self,
        __mosaik_command: LogCommand,
        __mosaik_ctx: &dyn mesh::__private::ApplyContext,
    ) -> mesh::__private::Bytes {
        match __mosaik_command {
            LogCommand::Write { line: __mosaik_0, r#type: __mosaik_1 } => {
                mesh::__private::machine::respond(
                    &<Log>::write(self, __mosaik_ctx, __mosaik_0, __mosaik_1),
                )
            }
        }
    }
    fn query(&self, __mosaik_query: LogQuery) -> LogAnswer {
        match __mosaik_query {
            LogQuery::Lines { like: __mosaik_0 } => {
                LogAnswer::Lines(<Log>::lines(self, __mosaik_0))
            }
        }
    }
    fn state_sync(&self) -> mesh::__private::SnapshotSync<Self> {
        mesh::__private::machine::sync()
    }
}
#[automatically_derived]
impl mesh::__private::SnapshotMachine for Log
where
    for<'__mosaik> Log: mesh::__private::machine::State,
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
    for<'__mosaik> Log: mesh::__private::machine::Returned,
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    type Checkpoint = mesh::__private::machine::Snapshot;
    fn checkpoint(&self) -> mesh::__private::machine::Snapshot {
        mesh::__private::machine::checkpoint(self)
    }
    fn restore(
        &mut self,
        __mosaik_chunks: &mut dyn mesh::__private::Iterator<
            Item = mesh::__private::Bytes,
        >,
    ) -> mesh::__private::Result<(), mesh::__private::RestoreError> {
        mesh::__private::machine::restore(self, __mosaik_chunks)
    }
}
/** The commands and queries of [`Log`] as methods of its group.

 Bring it into scope to call them: `use …::LogGroup;`.*/
#[allow(
    private_interfaces,
    private_bounds,
    unreachable_pub,
    unreachable_patterns,
    missing_docs,
    dead_code
)]
trait LogGroup
where
    for<'__mosaik> Log: mesh::__private::machine::State,
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
    for<'__mosaik> Log: mesh::__private::machine::Returned,
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    fn write(
        &self,
        line: String,
        r#type: u8,
    ) -> mesh::__private::machine::Executing<Log, Log>;
    fn lines(
        &self,
        like: Option<Log>,
    ) -> mesh::__private::machine::Asking<'_, Log, Vec<Log>>;
}
#[automatically_derived]
impl LogGroup for mesh::__private::Group<Log>
where
    for<'__mosaik> Log: mesh::__private::machine::State,
    for<'__mosaik> Option<Log>: mesh::__private::machine::Argument,
    for<'__mosaik> Log: mesh::__private::machine::Returned,
    for<'__mosaik> Vec<Log>: mesh::__private::machine::Answer,
{
    fn write(
        &self,
        line: String,
        r#type: u8,
    ) -> mesh::__private::machine::Executing<Log, Log> {
        mesh::__private::machine::execute(self, LogCommand::Write { line, r#type })
    }
    fn lines(
        &self,
        like: Option<Log>,
    ) -> mesh::__private::machine::Asking<'_, Log, Vec<Log>> {
        mesh::__private::machine::ask(
            self,
            LogQuery::Lines { like },
            |__mosaik_answer| match __mosaik_answer {
                LogAnswer::Lines(__mosaik_taken) => mesh::__private::Some(__mosaik_taken),
                _ => mesh::__private::None,
            },
        )
    }
}
const _: () = {
    mesh::__private::machine::state::<Log>();
    mesh::__private::machine::argument::<Option<Log>>();
    mesh::__private::machine::returned::<Log>();
    mesh::__private::machine::answer::<Vec<Log>>();
};
const _: () = {
    let _ = mesh::__private::machine::keys::command;
    let _ = mesh::__private::machine::keys::query;
};
