// Pairs<A: Datum, B: Datum> = Pair<A, B>, "pairs"

struct Pairs<A: Datum, B: Datum>(::mosaik::__private::PhantomData<fn() -> (A, B)>);
impl<A: Datum, B: Datum> ::mosaik::__private::StreamProducer for Pairs<A, B>
where
    for<'__mosaik> Pair<A, B>: ::mosaik::__private::Datum,
{
    type Producer = ::mosaik::__private::Producer<Pair<A, B>>;
    fn producer(__mosaik_network: &::mosaik::__private::Network) -> Self::Producer {
        let __mosaik_builder = ::mosaik::__private::stream::producer::<
            Pair<A, B>,
        >(__mosaik_network);
        let __mosaik_builder = ::mosaik::__private::stream::with_id(
            __mosaik_builder,
            ::mosaik::__private::Digest::from_bytes([
                251u8, 9u8, 86u8, 36u8, 16u8, 50u8, 89u8, 248u8, 106u8, 67u8, 184u8,
                206u8, 218u8, 183u8, 19u8, 115u8, 166u8, 47u8, 24u8, 194u8, 83u8, 148u8,
                36u8, 165u8, 56u8, 99u8, 227u8, 233u8, 251u8, 185u8, 132u8, 199u8,
            ]),
        );
        ::mosaik::__private::stream::build_producer(__mosaik_builder)
    }
    fn online_producer(
        __mosaik_network: &::mosaik::__private::Network,
    ) -> impl ::mosaik::__private::Future<
        Output = Self::Producer,
    > + ::mosaik::__private::Send + ::mosaik::__private::Sync + 'static {
        ::mosaik::__private::stream::online_producer(
            <Self as ::mosaik::__private::StreamProducer>::producer(__mosaik_network),
        )
    }
}
impl<A: Datum, B: Datum> ::mosaik::__private::StreamConsumer for Pairs<A, B>
where
    for<'__mosaik> Pair<A, B>: ::mosaik::__private::Datum,
{
    type Consumer = ::mosaik::__private::Consumer<Pair<A, B>>;
    fn consumer(__mosaik_network: &::mosaik::__private::Network) -> Self::Consumer {
        let __mosaik_builder = ::mosaik::__private::stream::consumer::<
            Pair<A, B>,
        >(__mosaik_network);
        let __mosaik_builder = ::mosaik::__private::stream::with_id(
            __mosaik_builder,
            ::mosaik::__private::Digest::from_bytes([
                251u8, 9u8, 86u8, 36u8, 16u8, 50u8, 89u8, 248u8, 106u8, 67u8, 184u8,
                206u8, 218u8, 183u8, 19u8, 115u8, 166u8, 47u8, 24u8, 194u8, 83u8, 148u8,
                36u8, 165u8, 56u8, 99u8, 227u8, 233u8, 251u8, 185u8, 132u8, 199u8,
            ]),
        );
        ::mosaik::__private::stream::build_consumer(__mosaik_builder)
    }
    fn online_consumer(
        __mosaik_network: &::mosaik::__private::Network,
    ) -> impl ::mosaik::__private::Future<
        Output = Self::Consumer,
    > + ::mosaik::__private::Send + ::mosaik::__private::Sync + 'static {
        ::mosaik::__private::stream::online_consumer(
            <Self as ::mosaik::__private::StreamConsumer>::consumer(__mosaik_network),
        )
    }
}
