mosaik::stream! {
    Secrets = String, "secrets",
    consumer require_tdx: { own_image = true },
}

fn main() {}
