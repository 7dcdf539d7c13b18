mosaik::stream! {
    producer Secrets = String, "secrets",
    producer require_tdx: { own_image },
}

fn main() {}
