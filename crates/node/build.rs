//! Link options of the addon.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    if os == "linux" {
        // A worker that alone had loaded the addon must not unload it under thread-local destructors.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    if family == "wasm" {
        // JavaScript calls functions by their numbers.
        println!("cargo:rustc-cdylib-link-arg=--export-table");
    }
}
