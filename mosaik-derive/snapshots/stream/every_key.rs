// pub Trades = Trade, "trades",
//     require: |peer| true,
//     producer require_ticket: PRODUCERS,
//     consumer require_ticket: CONSUMERS,
//     online_when: |c| c.minimum_of(2),
//     max_consumers: 8,
//     buffer_size: 64,
//     back_pressure: BackPressure::DropOldest,
//     history: 10,
//     index_by: |trade| trade.price,
//     criteria: Criteria::default(),
//     filter: Filter::key_range(..100u64),
//     backoff: ExponentialBackoff::default(),
//     queue_size: 16

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
            |peer| true,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::require_ticket(
            __mosaik_builder,
            CONSUMERS,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            |c| c.minimum_of(2),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::max_consumers(
            __mosaik_builder,
            8,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::buffer_size(
            __mosaik_builder,
            64,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::back_pressure(
            __mosaik_builder,
            BackPressure::DropOldest,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::history(
            __mosaik_builder,
            10,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::index_by(
            __mosaik_builder,
            |trade| trade.price,
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
                78u8, 95u8, 2u8, 28u8, 185u8, 37u8, 50u8, 42u8, 100u8, 241u8, 35u8, 82u8,
                69u8, 124u8, 167u8, 235u8, 192u8, 177u8, 93u8, 85u8, 23u8, 219u8, 103u8,
                68u8, 145u8, 98u8, 87u8, 42u8, 234u8, 153u8, 34u8, 119u8,
            ]),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::require(
            __mosaik_builder,
            |peer| true,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::require_ticket(
            __mosaik_builder,
            PRODUCERS,
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::online_when(
            __mosaik_builder,
            |c| c.minimum_of(2),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::criteria(
            __mosaik_builder,
            Criteria::default(),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::filter(
            __mosaik_builder,
            Filter::key_range(..100u64),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::backoff(
            __mosaik_builder,
            ExponentialBackoff::default(),
        );
        let __mosaik_builder = ::mosaik::__private::stream::keys::queue_size(
            __mosaik_builder,
            16,
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
