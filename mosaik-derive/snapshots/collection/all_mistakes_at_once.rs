// X = HashMap<u8, u8>, colour: 3, reader history: 0, require_ticket

::core::compile_error! {
    "`require_ticket` needs a ticket validator\nhelp: write `require_ticket: Jwt::with_key(KEY)`"
}
::core::compile_error! {
    "unknown key `colour`\nhelp: a collection has the keys `require_ticket`, `require_tdx`, `sync`, `consensus`, `formation` and `history`"
}
::core::compile_error! {
    "`history` cannot be for readers only: it is part of what the collection is, and all of its members check each other\nhelp: write `history: …`, for readers and writers alike"
}
struct X;
#[doc(hidden)]
type CollectionOfX = [(); ::core::compile_error! {
    "a `HashMap` is in one process only\nhelp: write `mosaik::collections::Map<…>`"
}];
impl X {
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        (
            ::mosaik::__private::Digest::from_bytes([
                227u8, 176u8, 196u8, 66u8, 152u8, 252u8, 28u8, 20u8, 154u8, 251u8, 244u8,
                200u8, 153u8, 111u8, 185u8, 36u8, 39u8, 174u8, 65u8, 228u8, 100u8, 155u8,
                147u8, 76u8, 164u8, 149u8, 153u8, 27u8, 120u8, 82u8, 184u8, 85u8,
            ]),
            __mosaik_config,
        )
    }
}
impl ::mosaik::__private::collection::CollectionReader for X {
    type Reader = <CollectionOfX as ::mosaik::__private::collection::CollectionFromDef>::Reader;
    fn reader(__mosaik_network: &::mosaik::__private::Network) -> Self::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <CollectionOfX as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
            __mosaik_network,
            __mosaik_id,
            __mosaik_config,
        )
    }
    fn online_reader(
        __mosaik_network: &::mosaik::__private::Network,
    ) -> impl ::mosaik::__private::Future<
        Output = Self::Reader,
    > + ::mosaik::__private::Send + ::mosaik::__private::Sync + 'static {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        ::mosaik::__private::collection::online(
            <CollectionOfX as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
impl ::mosaik::__private::collection::CollectionWriter for X {
    type Writer = <CollectionOfX as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <CollectionOfX as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
            __mosaik_network,
            __mosaik_id,
            __mosaik_config,
        )
    }
    fn online_writer(
        __mosaik_network: &::mosaik::__private::Network,
    ) -> impl ::mosaik::__private::Future<
        Output = Self::Writer,
    > + ::mosaik::__private::Send + ::mosaik::__private::Sync + 'static {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        ::mosaik::__private::collection::online(
            <CollectionOfX as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
::mosaik::__private::__complete! {
    ::mosaik::__private::collection::keys::colour::mosaik::__private::collection::keys::require_ticket
}
