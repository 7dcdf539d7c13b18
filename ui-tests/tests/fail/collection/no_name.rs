mosaik::collection! {
    = Map<String, u64>, "scores"
}

fn main() {}
