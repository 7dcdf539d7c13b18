//! `mosaik tdx`.

use std::{fs, path::PathBuf, process::Command};

use super::data;

/// What a command printed, what it complained of, and its exit code.
fn tdx(args: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mosaik"));
    let output = command.arg("tdx").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code().unwrap(),
    )
}

fn path_of(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tdx");
    folder.join(name).to_string_lossy().into_owned()
}

#[test]
fn a_quote_in_a_file_is_shown() {
    let (text, _, code) = tdx(&["quote", &path_of("tdx_quote")]);
    assert_eq!(code, 0);
    assert!(
        text.contains("mrtd 91eb2b44") && text.contains("not verified"),
        "{text}"
    );

    let (json, _, code) = tdx(&["quote", &path_of("trustee_debug_td_quote.dat"), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, &json["debug"], &json["version"]),
        (0, &true.into(), &4.into())
    );
    assert!(json["mrtd"].as_str().unwrap().starts_with("705ee938"));

    // Its collateral has expired since.
    let collateral = path_of("tdx_quote_collateral.json");
    let (_, errors, code) = tdx(&["quote", &path_of("tdx_quote"), "--collateral", &collateral]);
    assert_eq!(code, 1);
    assert!(
        errors.contains("not proven") && errors.lines().count() == 1,
        "{errors}"
    );
}

#[test]
fn mistakes_are_told_in_one_line() {
    let not_a_quote = path_of("README.md");
    let quote = path_of("tdx_quote");
    let table: [(&[&str], i32, &str); 6] = [
        (&["quote", &not_a_quote], 2, "README.md: quotes of version"),
        (&["quote", "/nonexistent"], 1, "/nonexistent"),
        (&["measure"], 2, "no firmware: name an image's directory"),
        (&["measure", "/nonexistent"], 2, "/nonexistent"),
        (
            &["measure", "--host", "other", "."],
            2,
            "known are canonical-noble and mainline",
        ),
        (
            &[
                "explain",
                "--firmware",
                &quote,
                "--kernel",
                &quote,
                "--initrd",
                &quote,
                "--against",
                &quote,
            ],
            1,
            "",
        ),
    ];
    for (args, expected, complaint) in table {
        let (_, errors, code) = tdx(args);
        assert_eq!(code, expected, "{args:?}: {errors}");
        assert!(
            errors.contains(complaint) && errors.lines().count() == 1,
            "{args:?}: {errors}"
        );
    }
}

#[test]
fn a_machine_without_hardware_says_which_part_is_missing() {
    let (_, errors, code) = tdx(&["quote"]);
    if code == 0 {
        return; // This machine is a trust domain.
    }
    assert_eq!(code, 1);
    assert!(errors.lines().count() == 1 && errors.len() > 20, "{errors}");
}

/// With the files of an image at hand (a folder with `-ovmf.fd`, `-vmlinuz` and `-initramfs.cpio.gz`), all of it.
#[test]
fn an_image_is_measured_and_compared() {
    let Ok(image) = std::env::var("MOSAIK_TDX_IMAGE") else {
        eprintln!("skipped: MOSAIK_TDX_IMAGE names no image");
        return;
    };
    let (json, errors, code) = tdx(&["measure", &image, "--json"]);
    assert_eq!(code, 0, "{errors}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["mrtd"].as_str().unwrap().len(), 96);
    let log = std::env::temp_dir().join(format!("mosaik-ccel-{}", std::process::id()));
    fs::write(&log, data("gotdx_cos113_ccel.bin")).unwrap();
    let (quote, ccel) = (
        path_of("gotdx_cos113_quote.dat"),
        log.to_string_lossy().into_owned(),
    );
    let (text, errors, code) = tdx(&["explain", &image, "--against", &quote, "--ccel", &ccel]);
    fs::remove_file(&log).unwrap();
    assert_eq!(code, 1, "{errors}");
    assert!(
        text.contains("mrtd: another firmware") && text.contains("rtmr1, event 0"),
        "{text}"
    );
}
