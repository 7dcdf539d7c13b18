struct Bank<'a> {
    name: &'a str,
}

#[mosaik::state_machine(id = "bank.v1")]
impl<'a> Bank<'a> {
    #[command]
    fn rename(&mut self) {
        self.name = "";
    }
}

fn main() {}
