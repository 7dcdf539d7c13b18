// #[schema(version = 0, colour = 3)] union Order { #[schema(name = "x")] price: u64 }

::core::compile_error! {
    "a union has no schema\nhelp: a union says nothing about what it holds; use an enum"
}
::core::compile_error! {
    "versions count from 1\nhelp: write `version = 1`"
}
::core::compile_error! {
    "unknown key `colour`\nhelp: a schema has the keys `name`, `version` and `crate`"
}
::core::compile_error! {
    "a schema needs a name\nhelp: write `#[schema(name = \"my-app.name\", version = 1)]`"
}
impl ::mosaik::__private::Schema for Order {
    const NAME: &'static str = "";
    const VERSION: u32 = 1u32;
}
