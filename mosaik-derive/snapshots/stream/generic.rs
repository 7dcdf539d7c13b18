// pub Events<T: Datum, const N: usize> where T: Clone = Event<T, N>

pub struct Events<T: Datum, const N: usize>(
    ::mosaik::__private::PhantomData<fn() -> T>,
)
where
    T: Clone;
impl<T: Datum, const N: usize> ::mosaik::__private::StreamProducer for Events<T, N>
where
    T: Clone,
    for<'__mosaik> Event<T, N>: ::mosaik::__private::Datum,
{
    type Producer = ::mosaik::__private::Producer<Event<T, N>>;
    fn producer(__mosaik_network: &::mosaik::__private::Network) -> Self::Producer {
        let __mosaik_builder = ::mosaik::__private::stream::producer::<
            Event<T, N>,
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
impl<T: Datum, const N: usize> ::mosaik::__private::StreamConsumer for Events<T, N>
where
    T: Clone,
    for<'__mosaik> Event<T, N>: ::mosaik::__private::Datum,
{
    type Consumer = ::mosaik::__private::Consumer<Event<T, N>>;
    fn consumer(__mosaik_network: &::mosaik::__private::Network) -> Self::Consumer {
        let __mosaik_builder = ::mosaik::__private::stream::consumer::<
            Event<T, N>,
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
