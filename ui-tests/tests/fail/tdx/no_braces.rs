mosaik::stream! {
    Secrets = String, "secrets",
    consumer require_tdx: Tdx::new(),
}

fn main() {}
