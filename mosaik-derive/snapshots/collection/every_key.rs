// All = Set<u64>, "all", require_ticket: a, require_ticket: b::c(), require_tdx: { own_image }, sync: s, consensus: c, formation: f, history: 3

struct All;
const _: () = ::mosaik::__private::collection::collection::<Set<u64>>();
impl All {
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        let __mosaik_config = ::mosaik::__private::collection::keys::require_ticket(
            __mosaik_config,
            a,
        );
        let __mosaik_config = ::mosaik::__private::collection::keys::require_ticket(
            __mosaik_config,
            b::c(),
        );
        let __mosaik_config = ::mosaik::__private::collection::keys::require_tdx(
            __mosaik_config,
            ::mosaik::__private::__tdx!(own_image),
        );
        let __mosaik_config = ::mosaik::__private::collection::keys::sync(
            __mosaik_config,
            s,
        );
        let __mosaik_config = ::mosaik::__private::collection::keys::consensus(
            __mosaik_config,
            c,
        );
        let __mosaik_config = ::mosaik::__private::collection::keys::formation(
            __mosaik_config,
            f,
        );
        let __mosaik_config = ::mosaik::__private::collection::keys::history(
            __mosaik_config,
            3,
        );
        (
            ::mosaik::__private::Digest::from_bytes([
                94u8, 245u8, 239u8, 3u8, 100u8, 182u8, 147u8, 156u8, 76u8, 166u8, 31u8,
                52u8, 179u8, 147u8, 247u8, 179u8, 104u8, 209u8, 190u8, 134u8, 25u8,
                100u8, 122u8, 175u8, 131u8, 213u8, 179u8, 149u8, 145u8, 154u8, 182u8,
                41u8,
            ]),
            __mosaik_config,
        )
    }
}
impl ::mosaik::__private::collection::CollectionReader for All
where
    for<'__mosaik> Set<u64>: ::mosaik::__private::collection::Collection,
{
    type Reader = <Set<
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Reader;
    fn reader(__mosaik_network: &::mosaik::__private::Network) -> Self::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Set<
            u64,
        > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
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
            <Set<
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
impl ::mosaik::__private::collection::CollectionWriter for All
where
    for<'__mosaik> Set<u64>: ::mosaik::__private::collection::Collection,
{
    type Writer = <Set<
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Set<
            u64,
        > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
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
            <Set<
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
