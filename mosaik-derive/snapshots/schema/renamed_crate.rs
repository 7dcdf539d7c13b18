// #[schema(name = "market.order", crate = mesh)] pub enum Order { Buy, Sell }

impl mesh::__private::Schema for Order {
    const NAME: &'static str = "market.order";
    const VERSION: u32 = 1u32;
}
mesh::__private::inventory::submit! {
    mesh::__private::Declared { type_name : ::core::any::type_name:: < Order >, name :
    "market.order", version : 1u32, }
}
