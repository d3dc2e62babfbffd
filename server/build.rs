//! Takes the bundle that Trunk left in `dist/` into the binary, and gives it a fingerprint for its
//! address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{env, fs};

#[expect(clippy::disallowed_methods, reason = "this is how cargo tells a build script the profile")]
fn main() {
    let dist = Path::new("../dist");
    // Without a bundle the server still builds, and its pages still read and post; they only don't
    // come alive.
    fs::create_dir_all(dist).expect("the workspace can be written to");
    let mut files: Vec<_> =
        fs::read_dir(dist).expect("dist is a folder").flatten().map(|file| file.path()).filter(|path| path.is_file()).collect();
    files.sort();
    if files.is_empty() {
        println!("cargo::warning=dist/ is empty: run `make build` for pages that come alive");
    }
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.file_name(), fs::read(&file).expect("the bundle can be read")).hash(&mut hasher);
    }
    println!("cargo::rerun-if-changed=../dist");
    println!("cargo::rustc-env=CRIER_BUILD={:016x}", hasher.finish());
    memory_serve::load_directory_with_embed("../dist", env::var("PROFILE").is_ok_and(|profile| profile == "release"));
}
