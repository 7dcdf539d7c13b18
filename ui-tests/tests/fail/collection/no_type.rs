mosaik::collection! {
    Scores
}

fn main() {}
