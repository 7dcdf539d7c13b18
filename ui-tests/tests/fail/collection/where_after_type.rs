mosaik::collection! {
    Scores<T> = Map<String, T> where T: Clone, "scores"
}

fn main() {}
