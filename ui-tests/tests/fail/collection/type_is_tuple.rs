mosaik::collection! {
    Scores = (String, u64), "scores"
}

fn main() {}
