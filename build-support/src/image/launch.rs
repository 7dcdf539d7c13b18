//! The scripts that launch an image.

use std::path::Path;

use super::options::Options;

/// A file of the image, as the launcher finds and checks it.
pub(super) struct Named<'a> {
    pub(super) path: &'a Path,
    pub(super) sha256: &'a str,
}

/// The script that launches the files beside it.
pub(super) fn launch_script(
    name: &str,
    options: &Options,
    [kernel, initrd, ovmf]: [&Named<'_>; 3],
    registers: &str,
) -> String {
    let (host_port, guest_port) = options.ssh_forward.map_or_else(
        || (String::new(), 22),
        |(host, guest)| (host.to_string(), guest),
    );
    fill(
        include_str!("launch.sh"),
        &[
            ("NAME", name),
            ("BANNER", banner(options)),
            ("COMMAND_LINE", &options.command_line.replace('\'', r"'\''")),
            ("KERNEL", &file_name(kernel)),
            ("KERNEL_SHA256", kernel.sha256),
            ("INITRD", &file_name(initrd)),
            ("INITRD_SHA256", initrd.sha256),
            ("OVMF", &file_name(ovmf)),
            ("OVMF_SHA256", ovmf.sha256),
            ("MEMORY", &options.memory),
            ("CPUS", &options.cpu_count.to_string()),
            ("SSH_PORT", &host_port),
            ("SSH_GUEST_PORT", &guest_port.to_string()),
            ("REGISTERS", registers),
            ("SIMULATED", if options.simulated { "1" } else { "" }),
        ],
    )
}

/// One file: a script that unpacks what follows it.
pub(super) fn bundle(
    name: &str,
    options: &Options,
    launch: &str,
    payload: &[u8],
    sha256: &str,
) -> Vec<u8> {
    const OFFSET_DIGITS: usize = 6;
    let script = fill(
        include_str!("bundle.sh"),
        &[
            ("NAME", name),
            ("BANNER", banner(options)),
            ("LAUNCH", launch),
            ("SHA256", sha256),
        ],
    );
    // `tail` counts from one; the number has a fixed width so that it does not move what it counts.
    let bytes = script.len() - "@OFFSET@".len() + OFFSET_DIGITS;
    let offset = format!("{:0OFFSET_DIGITS$}", bytes + 1);
    let mut bundle = script.replace("@OFFSET@", &offset).into_bytes();
    bundle.extend(payload);
    bundle
}

fn banner(options: &Options) -> &'static str {
    if options.simulated {
        " (SIMULATED platform: it proves nothing)"
    } else {
        ""
    }
}

fn file_name(file: &Named<'_>) -> String {
    file.path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (key, value)| {
            text.replace(&format!("@{key}@"), value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(options: &Options) -> String {
        let file = |path| Named {
            path: Path::new(path),
            sha256: "00",
        };
        launch_script(
            "app",
            options,
            [&file("/a/vmlinuz"), &file("/a/initrd"), &file("/a/ovmf.fd")],
            "app-registers.txt",
        )
    }

    #[test]
    fn every_place_is_filled() {
        let options = Options {
            ssh_forward: Some((2222, 22)),
            command_line: "a='b'".to_owned(),
            ..Options::default()
        };
        let script = script(&options);
        assert!(!script.contains("@KERNEL"), "{script}");
        assert!(script.contains("ssh_port=${SSH_PORT:-2222}"));
        assert!(script.contains(r"command_line='a='\''b'\'''"));
        let places = script.match_indices('@').filter(|(at, _)| {
            script[at + 1..]
                .chars()
                .next()
                .is_some_and(|next| next.is_ascii_uppercase())
        });
        assert_eq!(places.count(), 0);
    }

    #[test]
    fn the_payload_begins_where_the_script_says() {
        let bundle = bundle("app", &Options::default(), "launch.sh", b"payload", "00");
        let text = String::from_utf8(bundle.clone()).unwrap();
        let offset: usize = text.split("tail -c +").nth(1).unwrap()[..6]
            .parse()
            .unwrap();
        assert_eq!(&bundle[offset - 1..], b"payload");
        assert!(text[..offset - 1].ends_with("\n__PAYLOAD_BELOW__\n"));
    }
}
