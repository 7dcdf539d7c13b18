// id = "bank"
// impl<T> Bank<T> {
//     #[command] fn deposit(&mut self, amount: T) { }
// }

::core::compile_error! {
    "a state machine is one type, this impl is of many\nhelp: write it for the type that you replicate: `impl Bank<u64> { … }`; what all of them share can stay in an `impl<T> Bank<T>` beside it"
}
impl<T> Bank<T> {
    fn deposit(&mut self, amount: T) {}
}
