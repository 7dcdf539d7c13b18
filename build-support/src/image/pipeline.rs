//! The steps of a build, in order.

use std::fs;
use std::path::{Path, PathBuf};

use super::builder::Flavour;
use super::first::first_program;
use super::options::Options;
use super::output::{self, Paths};
use super::plan::{Plan, store_of};
use super::program::{Program, Toolchain};
use super::progress::Progress;
use super::skip::{self, Wish};
use super::stamp::Stamp;
use super::{BuildError, Environment, GuestTarget, Outcome, environment};
use crate::source::Lock;

pub(super) fn run<F: Flavour>(
    options: &Options,
    flavour: &F,
    environment: &Environment,
) -> Result<Outcome, BuildError> {
    let outcome = build(options, flavour, environment)?;
    if let Outcome::Built(output) = &outcome {
        output::write_constants(environment, Some((output, options)))?;
        for (name, value) in [
            (
                "TDX_INITRAMFS_PATH",
                output.initramfs_path.display().to_string(),
            ),
            ("TDX_KERNEL_PATH", output.kernel_path.display().to_string()),
            ("TDX_EXPECTED_MRTD", output.mrtd.to_string()),
            ("TDX_EXPECTED_RTMR1", output.rtmr1.to_string()),
            ("TDX_EXPECTED_RTMR2", output.rtmr2.to_string()),
        ] {
            println!("cargo::rustc-env={name}={value}");
        }
        println!(
            "cargo::warning=guest image: {}",
            output.bundle_path.display()
        );
    } else {
        output::write_constants(environment, None)?;
    }
    Ok(outcome)
}

fn build<F: Flavour>(
    options: &Options,
    flavour: &F,
    environment: &Environment,
) -> Result<Outcome, BuildError> {
    for name in environment::VARIABLES {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let text = environment.variable("TDX_IMAGE");
    let wish = Wish::parse(text.as_deref()).map_err(|value| BuildError::Variable {
        name: "TDX_IMAGE",
        value,
        expected: "0, 1 or require",
    })?;
    if let Some(reason) = skip::reason(environment, wish, options.debug_images) {
        // The guest's own build is not what was required.
        return match wish == Wish::Require && reason != super::Skipped::InnerBuild {
            true => Err(BuildError::Required(reason)),
            false => Ok(Outcome::Skipped(reason)),
        };
    }

    let options = &with_variables(options, environment)?;
    let paths = Paths::new(environment, options, F::NAME);
    let progress = Progress::new(&paths.file("build.log"));
    let lock = read_lock(environment)?;
    let toolchain = Toolchain::find(environment, options.target, &progress)?;
    progress.line(&format!(
        "compiling {} for the guest ({})",
        environment.package, toolchain.target
    ));
    let program = toolchain.program(options, &progress)?;
    rerun_if_changed(&program, options, environment);
    let first = first_program(&toolchain, &progress)?;

    let root = flavour.root_source(&|name| environment.variable(name));
    let plan = Plan::new(options, &lock, root.as_ref(), &program, first)?;
    let stamp_path = paths.file("stamp.json");
    let key = plan.key(F::NAME, toolchain.target);
    if Stamp::is_fresh(&stamp_path, &key, &paths.folder) {
        progress.line("the image is up to date");
        return paths.read(options).map(Outcome::Built);
    }
    let image = plan.image(
        &store_of(environment),
        environment,
        &progress,
        toolchain.target,
        program,
    )?;
    let files = image.write(&paths)?;
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let stamp = Stamp::new(key, &paths.folder, &files);
    output::write(&stamp_path, 0o644, &stamp.to_json())?;
    progress.line(&format!("wrote {}", paths.folder.display()));
    paths.read(options).map(Outcome::Built)
}

/// Fills in what the environment says and the builder does not.
fn with_variables(options: &Options, environment: &Environment) -> Result<Options, BuildError> {
    let mut options = options.clone();
    let read = |name| match environment.variable(name) {
        Some(path) => fs::read(&path)
            .map(Some)
            .map_err(BuildError::io("read", path)),
        None => Ok(None),
    };
    let or = |own: Option<String>, name| own.or_else(|| environment.variable(name));
    if options.vmlinuz.is_none() {
        options.vmlinuz = read("TDX_IMAGE_KERNEL")?;
    }
    if options.ovmf.is_none() {
        options.ovmf = read("TDX_IMAGE_OVMF")?;
    }
    options.cargo_profile = or(options.cargo_profile, "TDX_IMAGE_CARGO_PROFILE");
    options.kernel_version = or(options.kernel_version, "TDX_IMAGE_KERNEL_VERSION");
    options.kernel_abi = or(options.kernel_abi, "TDX_IMAGE_KERNEL_ABI");
    options.ovmf_version = or(options.ovmf_version, "TDX_IMAGE_OVMF_VERSION");
    if options.target == GuestTarget::Auto {
        options.target = match environment.variable("TDX_IMAGE_TARGET").as_deref() {
            None | Some("") => GuestTarget::Auto,
            Some("musl") => GuestTarget::Musl,
            Some("gnu") => GuestTarget::Gnu,
            Some(other) => {
                return Err(BuildError::Variable {
                    name: "TDX_IMAGE_TARGET",
                    value: other.to_owned(),
                    expected: "musl or gnu",
                });
            }
        };
    }
    if options.kernel_modules_dir.is_none() {
        options.kernel_modules_dir = environment
            .variable("TDX_IMAGE_KERNEL_MODULES_DIR")
            .map(PathBuf::from);
    }
    if let Some(list) = environment.variable("TDX_IMAGE_KERNEL_MODULES") {
        options.kernel_modules.extend(
            list.split(':')
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        );
    }
    if let Some(list) = environment.variable("TDX_IMAGE_EXTRA_FILES") {
        let words: Vec<&str> = list.split(':').collect();
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() && !list.is_empty() {
            return Err(BuildError::Variable {
                name: "TDX_IMAGE_EXTRA_FILES",
                value: list.clone(),
                expected: "pairs of paths, host:guest:host:guest",
            });
        }
        options.extra_files.extend(
            pairs
                .iter()
                .map(|[host, guest]| (PathBuf::from(host), (*guest).to_owned())),
        );
    }
    // Relative paths mean the package's folder, whatever folder cargo runs the script in.
    let absolute = |path: &mut PathBuf| *path = environment.manifest_dir.join(&*path);
    options
        .extra_files
        .iter_mut()
        .for_each(|(host, _)| absolute(host));
    options.kernel_modules.iter_mut().for_each(absolute);
    options.kernel_modules_dir.iter_mut().for_each(absolute);
    Ok(options)
}

fn read_lock(environment: &Environment) -> Result<Lock, BuildError> {
    let path = lock_path(environment);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Lock::embedded().overridden_by(Lock::parse(&text, &path)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Lock::embedded()),
        Err(error) => Err(BuildError::io("read", path)(error)),
    }
}

fn lock_path(environment: &Environment) -> PathBuf {
    environment.manifest_dir.join("tdx-image.lock")
}

/// Tells cargo every file whose change must run the build script again, and no other.
fn rerun_if_changed(program: &Program, options: &Options, environment: &Environment) {
    let variables = ["TDX_IMAGE_KERNEL", "TDX_IMAGE_OVMF"]
        .into_iter()
        .filter_map(|name| environment.variable(name).map(PathBuf::from));
    let files = program
        .inputs
        .iter()
        .cloned()
        .chain(options.extra_files.iter().map(|(host, _)| host.clone()))
        .chain(options.kernel_modules.iter().cloned())
        .chain(options.kernel_modules_dir.iter().cloned())
        .chain([
            lock_path(environment),
            environment.manifest_dir.join("build.rs"),
        ])
        .chain(variables);
    // Cargo runs the script each time if a file that it is told is not there.
    for file in files.filter(|file| file.exists()) {
        println!("cargo::rerun-if-changed={}", file.display());
    }
}
