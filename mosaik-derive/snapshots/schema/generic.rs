// #[schema(name = "market.order")] struct Order<T: Clone>(T);

::core::compile_error! {
    "a schema names one type, this one has parameters\nhelp: derive it for the types that are its arguments: their names appear in its own"
}
impl<T: Clone> ::mosaik::__private::Schema for Order<T> {
    const NAME: &'static str = "market.order";
    const VERSION: u32 = 1u32;
}
