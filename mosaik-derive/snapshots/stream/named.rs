// pub Trades = Trade, "market.trades.v1"

pub struct Trades;
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
        let __mosaik_builder = ::mosaik::__private::stream::with_id(
            __mosaik_builder,
            ::mosaik::__private::Digest::from_bytes([
                104u8, 143u8, 29u8, 178u8, 68u8, 109u8, 227u8, 172u8, 133u8, 181u8,
                157u8, 251u8, 88u8, 11u8, 15u8, 231u8, 110u8, 235u8, 166u8, 122u8, 124u8,
                139u8, 142u8, 133u8, 70u8, 30u8, 72u8, 64u8, 213u8, 59u8, 35u8, 30u8,
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
impl ::mosaik::__private::StreamConsumer for Trades
where
    for<'__mosaik> Trade: ::mosaik::__private::Datum,
{
    type Consumer = ::mosaik::__private::Consumer<Trade>;
    fn consumer(__mosaik_network: &::mosaik::__private::Network) -> Self::Consumer {
        let __mosaik_builder = ::mosaik::__private::stream::consumer::<
            Trade,
        >(__mosaik_network);
        let __mosaik_builder = ::mosaik::__private::stream::with_id(
            __mosaik_builder,
            ::mosaik::__private::Digest::from_bytes([
                104u8, 143u8, 29u8, 178u8, 68u8, 109u8, 227u8, 172u8, 133u8, 181u8,
                157u8, 251u8, 88u8, 11u8, 15u8, 231u8, 110u8, 235u8, 166u8, 122u8, 124u8,
                139u8, 142u8, 133u8, 70u8, 30u8, 72u8, 64u8, 213u8, 59u8, 35u8, 30u8,
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
