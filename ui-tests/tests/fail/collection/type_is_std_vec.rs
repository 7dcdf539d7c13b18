mosaik::collection! {
    Scores = Vec<u64>, "scores"
}

fn main() {}
