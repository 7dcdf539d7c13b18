mosaik::stream! {
    Secrets = String, "secrets",
    consumer require_tdx: {},
}

fn main() {}
