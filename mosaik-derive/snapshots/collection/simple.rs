// Scores = collections::Map<String, u64>, "scores"

struct Scores;
const _: () = ::mosaik::__private::collection::collection::<
    collections::Map<String, u64>,
>();
impl Scores {
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        (
            ::mosaik::__private::Digest::from_bytes([
                166u8, 35u8, 87u8, 82u8, 239u8, 81u8, 232u8, 108u8, 223u8, 29u8, 86u8,
                99u8, 73u8, 72u8, 195u8, 47u8, 117u8, 254u8, 106u8, 73u8, 46u8, 33u8,
                39u8, 151u8, 49u8, 94u8, 164u8, 63u8, 94u8, 207u8, 166u8, 110u8,
            ]),
            __mosaik_config,
        )
    }
}
impl ::mosaik::__private::collection::CollectionReader for Scores
where
    for<'__mosaik> collections::Map<
        String,
        u64,
    >: ::mosaik::__private::collection::Collection,
{
    type Reader = <collections::Map<
        String,
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Reader;
    fn reader(__mosaik_network: &::mosaik::__private::Network) -> Self::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <collections::Map<
            String,
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
            <collections::Map<
                String,
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
impl ::mosaik::__private::collection::CollectionWriter for Scores
where
    for<'__mosaik> collections::Map<
        String,
        u64,
    >: ::mosaik::__private::collection::Collection,
{
    type Writer = <collections::Map<
        String,
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <collections::Map<
            String,
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
            <collections::Map<
                String,
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
