// pub consumer Trades = Trade, consumer require_ticket: Jwt::with_key(KEY), max: 3

::core::compile_error! {
    "nobody would check `consumer require_ticket`: it says what a consumer must satisfy, the producer side checks that, and this declaration has no producer\nhelp: to check producers write `producer require_ticket: …`; to check consumers put this line where the producer is declared, or declare both sides"
}
::core::compile_error! {
    "unknown key `max`\nhelp: a stream has the keys `require`, `require_ticket`, `require_tdx`, `online_when`, `max_consumers`, `buffer_size`, `back_pressure`, `disconnect_lagging`, `history`, `index_by`, `criteria`, `filter`, `backoff` and `queue_size`"
}
pub struct Trades;
const _: () = ::mosaik::__private::stream::datum::<Trade>();
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
    ::mosaik::__private::stream::keys::max
}
