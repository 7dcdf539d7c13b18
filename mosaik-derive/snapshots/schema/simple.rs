// #[schema(name = "market.order", version = 2)] struct Order { price: u64 }

impl ::mosaik::__private::Schema for Order {
    const NAME: &'static str = "market.order";
    const VERSION: u32 = 2u32;
}
::mosaik::__private::inventory::submit! {
    ::mosaik::__private::Declared { type_name : ::core::any::type_name:: < Order >, name
    : "market.order", version : 2u32, }
}
