// Trades = Trade, buffer_size: 0, colour: red, consumer history: 3, history: 2, require:

::core::compile_error! {
    "`require` needs a predicate of a peer\nhelp: write `require: |peer| peer.tags().contains(&TRUSTED)`"
}
::core::compile_error! {
    "`buffer_size` cannot be 0\nhelp: the smallest is 1"
}
::core::compile_error! {
    "unknown key `colour`\nhelp: a stream has the keys `require`, `require_ticket`, `require_tdx`, `online_when`, `max_consumers`, `buffer_size`, `back_pressure`, `disconnect_lagging`, `history`, `index_by`, `criteria`, `filter`, `backoff` and `queue_size`"
}
::core::compile_error! {
    "`history` is an option of the producer\nhelp: write `producer history: …`, or just `history: …`"
}
struct Trades;
const _: () = ::mosaik::__private::stream::datum::<Trade>();
impl ::mosaik::__private::StreamProducer for Trades
where
    for<'__mosaik> Trade: ::mosaik::__private::Datum,
{
    type Producer = ::mosaik::__private::Producer<Trade>;
    fn producer(__mosaik_network: &::mosaik::__private::Network) -> Self::Producer {
        let __mosaik_builder = ::mosaik::__private::stream::producer::<
            Trade,
        >(__mosaik_network);
        let __mosaik_builder = ::mosaik::__private::stream::keys::history(
            __mosaik_builder,
            2,
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
::mosaik::__private::__complete! {
    ::mosaik::__private::stream::keys::colour::mosaik::__private::stream::keys::require
}
