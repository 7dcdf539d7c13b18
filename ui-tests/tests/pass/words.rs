//! Sides are words only where a side can stand.

#![expect(
    non_camel_case_types,
    non_upper_case_globals,
    reason = "the names of the sides, as names"
)]

mod producers {
    mosaik::stream!(pub producer = String);
    mosaik::stream!(pub producer consumer = String);
}

mod consumers {
    mosaik::stream!(pub consumer = String);
    mosaik::stream!(pub consumer producer = String, "x", producer require: |_| true);
}

mod datums {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct consumer;

    const require: &str = "an id";

    mosaik::stream!(pub snake_case = consumer, require::<>);
}
