// X = Once<u64>, "x", require_tdx: { mrtd = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f", rtmr1 = R1, rtmr2 = "abababababababababababababababababababababababababababababababababababababababababababababababab" }

struct X;
const _: () = ::mosaik::__private::collection::collection::<Once<u64>>();
impl X {
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        let __mosaik_config = ::mosaik::__private::collection::keys::require_tdx(
            __mosaik_config,
            ::mosaik::__private::__tdx!(
                require_mrtd = [31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8,
                31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8,
                31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8,
                31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8, 31u8,
                31u8, 31u8, 31u8], require_rtmr1 = R1, require_rtmr2 = [171u8, 171u8,
                171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8,
                171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8,
                171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8,
                171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8, 171u8,
                171u8, 171u8, 171u8, 171u8, 171u8, 171u8]
            ),
        );
        (
            ::mosaik::__private::Digest::from_bytes([
                45u8, 113u8, 22u8, 66u8, 183u8, 38u8, 176u8, 68u8, 1u8, 98u8, 124u8,
                169u8, 251u8, 172u8, 50u8, 245u8, 200u8, 83u8, 15u8, 177u8, 144u8, 60u8,
                196u8, 219u8, 2u8, 37u8, 135u8, 23u8, 146u8, 26u8, 72u8, 129u8,
            ]),
            __mosaik_config,
        )
    }
}
impl ::mosaik::__private::collection::CollectionReader for X
where
    for<'__mosaik> Once<u64>: ::mosaik::__private::collection::Collection,
{
    type Reader = <Once<
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Reader;
    fn reader(__mosaik_network: &::mosaik::__private::Network) -> Self::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Once<
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
            <Once<
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
impl ::mosaik::__private::collection::CollectionWriter for X
where
    for<'__mosaik> Once<u64>: ::mosaik::__private::collection::Collection,
{
    type Writer = <Once<
        u64,
    > as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <Once<
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
            <Once<
                u64,
            > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
