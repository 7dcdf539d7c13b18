// id = "a"
// impl<T> A<T> {
//     #[command] fn add(&mut self, by: T) { }
// }

::core::compile_error! {
    "a state machine is one type, this impl is of many\nhelp: write it for the type that you replicate: `impl A<u64> { … }`; what all of them share can stay in an `impl<T> A<T>` beside it"
}
impl<T> A<T> {
    fn add(&mut self, by: T) {}
}
