use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Last<T> {
    last: Option<T>,
}

#[mosaik::state_machine(id = "last.v1")]
impl<T> Last<T> {
    #[command]
    fn set(&mut self, last: T) {
        self.last = Some(last);
    }
}

fn main() {}
