mosaik::collection! {
    Scores = HashMap<String, u64>, "scores"
}

fn main() {}
