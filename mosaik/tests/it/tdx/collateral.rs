//! Collateral that comes from elsewhere than the ticket.

use std::path::PathBuf;

use mosaik::tdx::{CollateralDirectory, CollateralError, CollateralProvider as _};

use super::{collateral, quote};

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("mosaik-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn a_directory_holds_collateral_by_kind_of_platform() {
    let path = folder("collateral");
    let directory = CollateralDirectory::new(&path);
    let asked = quote("tdx_quote");
    let missing = directory.collateral(&asked).unwrap_err();
    assert!(missing.is_retryable(), "{missing}");
    assert!(
        missing.to_string().contains("b0c06f000000.json"),
        "{missing}"
    );

    directory.store(&collateral("tdx_quote")).unwrap();
    assert_eq!(directory.collateral(&asked), Ok(collateral("tdx_quote")));
    // Whatever refreshes the file needs to tell nobody; a file of another length or time is another one.
    directory.store(&collateral("tdx_quote_td15ex")).unwrap();
    let file = path.join("b0c06f000000.json");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(later)
        .unwrap();
    assert_eq!(
        directory.collateral(&asked),
        Ok(collateral("tdx_quote_td15ex"))
    );
    assert!(directory.collateral(&quote("tdx_quote_outdated")).is_err());

    std::fs::write(&file, b"{}").unwrap();
    let error = directory.collateral(&asked).unwrap_err();
    assert!(matches!(error, CollateralError::Format(_)), "{error}");
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn json_that_is_no_collateral_is_an_error() {
    use mosaik::tdx::Collateral;
    let whole = collateral("tdx_quote").to_json();
    let not_hex = whole.replacen("\"root_ca_crl\":\"30", "\"root_ca_crl\":\"zz", 1);
    assert_ne!(not_hex, whole);
    for (json, expected) in [
        ("", "not collateral"),
        ("[]", "not collateral"),
        ("{}", "missing field"),
        (&not_hex, "root_ca_crl is not hex"),
        (&" ".repeat(200_000), "200000 bytes are more"),
    ] {
        let error = Collateral::from_json(json.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(
        collateral("tdx_quote").fmspc(),
        Some([0xb0, 0xc0, 0x6f, 0, 0, 0])
    );
}

/// Without collateral nothing is proven, whoever made the quote.
#[test]
fn a_quote_alone_proves_nothing() {
    let error = quote("tdx_quote").verify().unwrap_err();
    assert!(error.is_retryable(), "{error}");
}
