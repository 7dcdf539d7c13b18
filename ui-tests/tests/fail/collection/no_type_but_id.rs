mosaik::collection! {
    Scores, "scores"
}

fn main() {}
