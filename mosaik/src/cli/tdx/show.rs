//! How measurements and quotes are printed, for people and for programs.

use std::fmt::Write as _;

use mosaik::tdx::{
    Difference, Explanation, Measurements, Quote, Verdict, VerifyError,
    measure::{Event, Prediction},
};
use serde_json::{Value, json};

type Outcome = Result<Verdict, VerifyError>;

pub(super) fn prediction(prediction: &Prediction) -> String {
    let mut text = format!(
        "mrtd  {}\nrtmr1 {}\nrtmr2 {}\n",
        prediction.mrtd, prediction.rtmr1, prediction.rtmr2
    );
    text.push_str("events:");
    for event in &prediction.events {
        let digest = hex(event.digest.as_ref());
        let digest = digest.unwrap_or_else(|| "depends on the host".to_owned());
        // Writing to a text does not fail.
        let _ = write!(text, "\n  {} {digest} {}", event.register, event.label);
    }
    text
}

pub(super) fn prediction_json(prediction: &Prediction) -> Value {
    let events: Vec<Value> = prediction.events.iter().map(event_json).collect();
    json!({
        "mrtd": prediction.mrtd.to_string(),
        "rtmr1": prediction.rtmr1.to_string(),
        "rtmr2": prediction.rtmr2.to_string(),
        "events": events,
    })
}

fn event_json(event: &Event) -> Value {
    json!({
        "register": event.register.to_string(),
        "type": event.event_type,
        "label": event.label,
        "digest": hex(event.digest.as_ref()),
    })
}

pub(super) fn explanation_json(explanation: &Explanation) -> Value {
    let differences = explanation.differences().iter();
    let differences: Vec<Value> = differences.map(difference_json).collect();
    json!({
        "as_predicted": explanation.is_as_predicted(),
        "differences": differences,
    })
}

fn difference_json(difference: &Difference) -> Value {
    match difference {
        Difference::LogOfAnotherBoot {
            register,
            replayed,
            quoted,
        } => json!({
            "kind": "log_of_another_boot",
            "register": register.to_string(),
            "replayed": replayed.to_string(),
            "quoted": quoted.to_string(),
        }),
        Difference::Firmware { predicted, quoted } => json!({
            "kind": "firmware",
            "register": "mrtd",
            "predicted": predicted.to_string(),
            "quoted": quoted.to_string(),
        }),
        Difference::Event {
            register,
            index,
            predicted,
            logged,
        } => json!({
            "kind": "event",
            "register": register.to_string(),
            "index": index,
            "predicted": predicted.as_ref().map(event_json),
            "logged": logged.as_ref().map(|entry| json!({
                "type": entry.event_type,
                "digest": hex(Some(&entry.digest)),
                "text": entry.text(),
                "offset": entry.offset,
            })),
        }),
        Difference::Register {
            register,
            predicted,
            quoted,
        } => json!({
            "kind": "register",
            "register": register.to_string(),
            "predicted": predicted.to_string(),
            "quoted": quoted.to_string(),
        }),
        other => json!({ "kind": "other", "text": other.to_string() }),
    }
}

pub(super) fn quote(quote: &Quote, outcome: Option<&Outcome>) -> String {
    let measurements = Measurements::from_quote(quote);
    let verified = match outcome {
        None => "not verified (--collateral)".to_owned(),
        Some(Ok(verdict)) => format!("{}, until {}", verdict.status, verdict.valid_until),
        Some(Err(error)) => error.to_string(),
    };
    let debug = if quote.is_debug() { "yes" } else { "no" };
    let report_data = hex(Some(&quote.report_input_data())).unwrap_or_default();
    format!(
        "version     {}\ndebug       {debug}\nproof       {verified}\nreport_data {report_data}\n{measurements}",
        quote.header.version
    )
}

pub(super) fn quote_json(quote: &Quote, outcome: Option<&Outcome>) -> Value {
    let measurements = Measurements::from_quote(quote);
    let proof = outcome.map(|outcome| match outcome {
        Ok(verdict) => json!({
            "status": verdict.status.to_string(),
            "advisories": verdict.advisories,
            "tcb_evaluation": verdict.tcb_evaluation,
            "valid_from": verdict.valid_from.to_rfc3339(),
            "valid_until": verdict.valid_until.to_rfc3339(),
        }),
        Err(error) => json!({ "error": error.to_string() }),
    });
    json!({
        "version": quote.header.version,
        "debug": quote.is_debug(),
        "report_data": hex(Some(&quote.report_input_data())),
        "mrtd": measurements.mrtd().to_string(),
        "rtmr0": measurements.rtmr0().to_string(),
        "rtmr1": measurements.rtmr1().to_string(),
        "rtmr2": measurements.rtmr2().to_string(),
        "rtmr3": measurements.rtmr3().to_string(),
        "proof": proof,
    })
}

fn hex<const N: usize>(bytes: Option<&[u8; N]>) -> Option<String> {
    bytes.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
