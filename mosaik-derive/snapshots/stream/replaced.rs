// Trades = Trade, online_when: first, producer online_when: second, online_when: third

struct Trades;
const _: () = ::mosaik::__private::stream::datum::<Trade>();
impl ::mosaik::__private::StreamProducer for Trades
where
    for<'__mosaik> Trade: ::mosaik::__private::Datum,
{
    type Producer = ::mosaik::__private::Producer<Trade>;
    fn producer(__mosaik_network: &::mosaik::__private::Network) -> Self::Producer {
        {
            #[deprecated(
                note = "`online_when` is set again below, so this value is not used"
            )]
            fn online_when() {}
            online_when();
        }
        {
            #[deprecated(
                note = "`online_when` is set again below, so this value is not used"
            )]
            fn online_when() {}
            online_when();
        }
        let __mosaik_builder = ::mosaik::__private::stream::producer::<
            Trade,
        >(__mosaik_network);
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            first,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            second,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            third,
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
impl ::mosaik::__private::StreamConsumer for Trades
where
    for<'__mosaik> Trade: ::mosaik::__private::Datum,
{
    type Consumer = ::mosaik::__private::Consumer<Trade>;
    fn consumer(__mosaik_network: &::mosaik::__private::Network) -> Self::Consumer {
        let __mosaik_builder = ::mosaik::__private::stream::consumer::<
            Trade,
        >(__mosaik_network);
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            first,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            third,
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
