// Pairs<A: Key, B: Value> = Map<A, B>, "pairs"

struct Pairs<A: Key, B: Value>(::mosaik::__private::PhantomData<fn() -> (A, B)>);
impl<A: Key, B: Value> Pairs<A, B> {
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        (
            ::mosaik::__private::Digest::from_bytes([
                251u8, 9u8, 86u8, 36u8, 16u8, 50u8, 89u8, 248u8, 106u8, 67u8, 184u8,
                206u8, 218u8, 183u8, 19u8, 115u8, 166u8, 47u8, 24u8, 194u8, 83u8, 148u8,
                36u8, 165u8, 56u8, 99u8, 227u8, 233u8, 251u8, 185u8, 132u8, 199u8,
            ]),
            __mosaik_config,
        )
    }
}
impl<A: Key, B: Value> ::mosaik::__private::collection::CollectionReader for Pairs<A, B>
where
    for<'__mosaik> Map<A, B>: ::mosaik::__private::collection::Collection,
{
    type Reader = <Map<
        A,
        B,
    > as ::mosaik::__private::collection::CollectionFromDef>::Reader;
    fn reader(__mosaik_network: &::mosaik::__private::Network) -> Self::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Map<
            A,
            B,
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
            <Map<
                A,
                B,
            > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
impl<A: Key, B: Value> ::mosaik::__private::collection::CollectionWriter for Pairs<A, B>
where
    for<'__mosaik> Map<A, B>: ::mosaik::__private::collection::Collection,
{
    type Writer = <Map<
        A,
        B,
    > as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Map<
            A,
            B,
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
            <Map<
                A,
                B,
            > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
