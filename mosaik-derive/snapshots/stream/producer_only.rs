// pub producer Trades = Trade, "trades", require: |peer| peer.tags().contains(&TRUSTED)

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
                78u8, 95u8, 2u8, 28u8, 185u8, 37u8, 50u8, 42u8, 100u8, 241u8, 35u8, 82u8,
                69u8, 124u8, 167u8, 235u8, 192u8, 177u8, 93u8, 85u8, 23u8, 219u8, 103u8,
                68u8, 145u8, 98u8, 87u8, 42u8, 234u8, 153u8, 34u8, 119u8,
            ]),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::require(
            __mosaik_builder,
            |peer| peer.tags().contains(&TRUSTED),
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
