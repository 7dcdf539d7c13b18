mosaik::collection! {
    Scores = Map<&str, u64>, "scores"
}

fn main() {}
