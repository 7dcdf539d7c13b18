mosaik::collection! {
    Scores = _, "scores"
}

fn main() {}
