// pub Jobs<T: Value, const N: u64> where T: Ord = PriorityQueue<T, String, T, N>, "jobs"

pub struct Jobs<T: Value, const N: u64>(
    ::mosaik::__private::PhantomData<fn() -> T>,
)
where
    T: Ord;
impl<T: Value, const N: u64> Jobs<T, N>
where
    T: Ord,
{
    #[doc(hidden)]
    fn __mosaik_definition() -> (
        ::mosaik::__private::Digest,
        ::mosaik::__private::collection::CollectionConfig,
    ) {
        let __mosaik_config = ::mosaik::__private::collection::config();
        (
            ::mosaik::__private::Digest::from_bytes([
                93u8, 154u8, 23u8, 203u8, 112u8, 185u8, 115u8, 58u8, 173u8, 192u8, 115u8,
                164u8, 76u8, 33u8, 136u8, 157u8, 51u8, 50u8, 88u8, 116u8, 197u8, 31u8,
                156u8, 12u8, 70u8, 29u8, 227u8, 230u8, 26u8, 36u8, 37u8, 235u8,
            ]),
            __mosaik_config,
        )
    }
}
impl<T: Value, const N: u64> ::mosaik::__private::collection::CollectionReader
for Jobs<T, N>
where
    T: Ord,
    for<'__mosaik> PriorityQueue<
        T,
        String,
        T,
        N,
    >: ::mosaik::__private::collection::Collection,
{
    type Reader = <PriorityQueue<
        T,
        String,
        T,
        N,
    > as ::mosaik::__private::collection::CollectionFromDef>::Reader;
    fn reader(__mosaik_network: &::mosaik::__private::Network) -> Self::Reader {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <PriorityQueue<
            T,
            String,
            T,
            N,
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
            <PriorityQueue<
                T,
                String,
                T,
                N,
            > as ::mosaik::__private::collection::CollectionFromDef>::reader_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
impl<T: Value, const N: u64> ::mosaik::__private::collection::CollectionWriter
for Jobs<T, N>
where
    T: Ord,
    for<'__mosaik> PriorityQueue<
        T,
        String,
        T,
        N,
    >: ::mosaik::__private::collection::Collection,
{
    type Writer = <PriorityQueue<
        T,
        String,
        T,
        N,
    > as ::mosaik::__private::collection::CollectionFromDef>::Writer;
    fn writer(__mosaik_network: &::mosaik::__private::Network) -> Self::Writer {
        let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
        <PriorityQueue<
            T,
            String,
            T,
            N,
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
            <PriorityQueue<
                T,
                String,
                T,
                N,
            > as ::mosaik::__private::collection::CollectionFromDef>::writer_with_config(
                __mosaik_network,
                __mosaik_id,
                __mosaik_config,
            ),
        )
    }
}
