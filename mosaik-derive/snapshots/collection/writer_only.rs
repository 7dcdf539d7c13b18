// #[doc = "d"] #[deprecated] pub(crate) writer scores = Vec<u64>, ids::SCORES

///d
#[deprecated]
#[allow(non_camel_case_types)]
pub(crate) struct scores;
const _: () = ::mosaik::__private::collection::collection::<Vec<u64>>();
#[allow(deprecated)]
impl scores {
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        (::mosaik::__private::collection::id(ids::SCORES), __mosaik_config)
    }
}
#[allow(dead_code, deprecated, private_interfaces, unreachable_pub)]
impl scores
where
    for<'__mosaik> Vec<u64>: ::mosaik::__private::collection::Collection,
{
    /// Opens the collection as a reader.
    pub(crate) fn reader(
        __mosaik_network: &::mosaik::__private::Network,
    ) -> <Vec<u64> as ::mosaik::__private::collection::CollectionFromDef>::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Vec<
            u64,
        > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
            __mosaik_network,
            __mosaik_id,
            __mosaik_config,
        )
    }
    /// Opens the collection as a reader, and waits until it is online.
    pub(crate) fn online_reader(
        __mosaik_network: &::mosaik::__private::Network,
    ) -> impl ::mosaik::__private::Future<
        Output = <Vec<u64> as ::mosaik::__private::collection::CollectionFromDef>::Reader,
    > + ::mosaik::__private::Send + ::mosaik::__private::Sync + 'static {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        ::mosaik::__private::collection::online(
            <Vec<
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
#[allow(deprecated)]
impl ::mosaik::__private::collection::CollectionWriter for scores
where
    for<'__mosaik> Vec<u64>: ::mosaik::__private::collection::Collection,
{
    type Writer = <Vec<
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Vec<
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
            <Vec<
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
