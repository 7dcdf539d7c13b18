mosaik::collection! {
    Scores<'a> = Map<&'a str, u64>, "scores"
}

fn main() {}
