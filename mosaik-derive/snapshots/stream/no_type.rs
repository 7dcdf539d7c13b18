// pub Trades

pub struct Trades;
#[doc(hidden)]
type DatumOfTrades = [(); ::core::compile_error! {
    "a stream needs the type of its datums\nhelp: write `stream!(Trades = Type)`"
}];
impl ::mosaik::__private::StreamProducer for Trades {
    type Producer = ::mosaik::__private::Producer<DatumOfTrades>;
    fn producer(__mosaik_network: &::mosaik::__private::Network) -> Self::Producer {
        let __mosaik_builder = ::mosaik::__private::stream::producer::<
            DatumOfTrades,
        >(__mosaik_network);
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
impl ::mosaik::__private::StreamConsumer for Trades {
    type Consumer = ::mosaik::__private::Consumer<DatumOfTrades>;
    fn consumer(__mosaik_network: &::mosaik::__private::Network) -> Self::Consumer {
        let __mosaik_builder = ::mosaik::__private::stream::consumer::<
            DatumOfTrades,
        >(__mosaik_network);
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
